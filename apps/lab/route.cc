#include "apps/lab/route.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "apps/lab/host_namespace.h"
#include "core/base/check.h"

namespace strait {
namespace {

/// A request of rtnetlink(7): a route message and its attributes.
class RouteRequest {
 public:
  RouteRequest() {
    header().nlmsg_len = NLMSG_LENGTH(sizeof(rtmsg));
    header().nlmsg_type = RTM_NEWROUTE;
    header().nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    route() = {.rtm_family = AF_INET,
               .rtm_dst_len = kHostNetBits,
               .rtm_table = RT_TABLE_MAIN,
               .rtm_protocol = RTPROT_KERNEL,
               .rtm_scope = RT_SCOPE_LINK,
               .rtm_type = RTN_UNICAST};
  }

  void add(unsigned short type, const void* value, std::size_t size) {
    rtattr& attribute = begin(type);
    STRAIT_CHECK(header().nlmsg_len + RTA_SPACE(size) <= bytes_.size(), "a route of {} bytes",
                 size);
    std::memcpy(RTA_DATA(&attribute), value, size);
    header().nlmsg_len += static_cast<unsigned>(RTA_ALIGN(RTA_LENGTH(size)));
    attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  }

  /// An attribute made of the one that is added next.
  void add_inside(unsigned short outer, unsigned short type, const void* value, std::size_t size) {
    rtattr& attribute = begin(outer);
    const unsigned before = header().nlmsg_len;
    header().nlmsg_len += RTA_LENGTH(0);
    add(type, value, size);
    attribute.rta_len = static_cast<unsigned short>(header().nlmsg_len - before);
  }

  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }

 private:
  rtmsg& route() { return *static_cast<rtmsg*>(NLMSG_DATA(&header())); }
  rtattr& begin(unsigned short type) {
    auto& attribute = *reinterpret_cast<rtattr*>(bytes_.data() + header().nlmsg_len);
    attribute.rta_type = type;
    return attribute;
  }

  alignas(NLMSG_ALIGNTO) std::array<char, 256> bytes_{};
};

}  // namespace

int set_route(const char* device, int host, const std::string& congestion_control) {
  RouteRequest request;
  const in_addr net = host_net(), self = address_of(host);
  const unsigned index = ::if_nametoindex(device);
  request.add(RTA_DST, &net, sizeof net);
  request.add(RTA_PREFSRC, &self, sizeof self);
  request.add(RTA_OIF, &index, sizeof index);
  request.add_inside(RTA_METRICS, RTAX_CC_ALGO, congestion_control.c_str(),
                     congestion_control.size() + 1);
  const OwnedFile socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  std::array<char, 1024> answer{};
  if (::send(socket.get(), &request.header(), request.header().nlmsg_len, 0) < 0 ||
      ::recv(socket.get(), answer.data(), answer.size(), 0) < 0) {
    return errno;
  }
  nlmsgerr error{};  // as every answer to NLM_F_ACK
  std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
  return -error.error;
}

}  // namespace strait
