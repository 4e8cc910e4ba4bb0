#include "apps/lab/host_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <sstream>
#include <thread>
#include <tuple>

#include "apps/lab/route.h"
#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

constexpr char kDevice[] = "wan0";
constexpr int kDeviceQueue = 20'000;        // packets: the queue that counts is the relay's
constexpr std::uint32_t kNet = 0x0A4D0000;  // 10.77.0.0

[[noreturn]] void refuse(std::string_view what, int error, std::string_view fix) {
  throw UserError(fmt::format("{}: {}; {}", what, std::strerror(error), fix));
}

/// Runs `work` on a thread of its own: a thread that has entered a namespace is no good for
/// anything else.
void on_a_thread(const std::function<void()>& work) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

void leave_for_a_new_namespace() {
  if (::unshare(CLONE_NEWNET) == 0) return;
  refuse("no network namespace can be made", errno,
         errno == EPERM ? "run it as root (sudo; in a container, --privileged)"
                        : "it takes a Linux kernel with CONFIG_NET_NS");
}

OwnedFile current_namespace() {
  OwnedFile file(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) refuse("/proc/thread-self/ns/net", errno, "mount /proc");
  return file;
}

/// What calls about a device begin with.
ifreq about(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, sizeof request.ifr_name - 1);
  return request;
}

OwnedFile open_tun() {
  OwnedFile tun(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request = about(kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (tun.get() < 0 || ::ioctl(tun.get(), TUNSETIFF, &request) != 0) {
    refuse("/dev/net/tun", errno, "run modprobe tun (in a container, --device /dev/net/tun)");
  }
  return tun;
}

void set_device(const OwnedFile& socket, unsigned long what, ifreq& request) {
  if (::ioctl(socket.get(), what, &request) == 0) return;
  refuse(fmt::format("{} (request {:#x})", request.ifr_name, what), errno, "run it as root");
}

/// Address, MTU, queue, up: `ip addr add` and `ip link set` without the tool. The loopback is up as
/// well: a host reaches its own address by it.
void configure_devices(int host) {
  const OwnedFile socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = about(kDevice);
  const auto set = [&](unsigned long what) { set_device(socket, what, request); };
  const auto set_address = [&](unsigned long what, in_addr address) {
    const sockaddr_in value{.sin_family = AF_INET, .sin_addr = address};
    std::memcpy(&request.ifr_addr, &value, sizeof value);
    set(what);
  };
  set_address(SIOCSIFADDR, address_of(host));
  set_address(SIOCSIFNETMASK, {htonl(~0u << (32 - kHostNetBits))});
  request.ifr_mtu = static_cast<int>(kHostMtu);
  set(SIOCSIFMTU);
  request.ifr_qlen = kDeviceQueue;
  set(SIOCSIFTXQLEN);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  set(SIOCSIFFLAGS);
  ifreq loopback = about("lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  set_device(socket, SIOCSIFFLAGS, loopback);
}

/// Of the calling thread's namespace: /proc/sys/net shows everyone their own. Whether it could be.
bool write_setting(const std::string& path, const std::string& value) {
  const OwnedFile file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file.get() >= 0 && ::write(file.get(), value.data(), value.size()) >= 0;
}

void set_tcp(std::string_view setting, const std::string& value) {
  const std::string path = fmt::format("/proc/sys/net/ipv4/tcp_{}", setting);
  if (write_setting(path, value)) return;
  refuse(path, errno, "it has to be writable (in a container, --privileged)");
}

void set_congestion_control(int host, const std::string& name) {
  if (name.empty()) return;
  if (const int error = set_route(kDevice, host, name); error != 0) {
    throw UserError(fmt::format(
        "this kernel has no congestion control '{}': {}; run modprobe tcp_{}, or take another one",
        name, std::strerror(error), name));
  }
}

void set_buffers(const HostSettings& settings) {
  const auto range = [](const HostSettings::Buffer& buffer) {
    return fmt::format("4096 {} {}", buffer.first, buffer.most);
  };
  set_tcp("wmem", range(settings.send_buffer));
  set_tcp("rmem", range(settings.receive_buffer));
  // For those who ask for a size; kernels that have it for the machine only keep what they have.
  const auto allow = [](const char* setting, Bytes most) {
    std::ignore =
        write_setting(fmt::format("/proc/sys/net/core/{}", setting), std::to_string(most));
  };
  allow("wmem_max", settings.send_buffer.most);
  allow("rmem_max", settings.receive_buffer.most);
}

}  // namespace

HostNamespace::HostNamespace(const HostSettings& settings, int host) {
  on_a_thread([&] {
    leave_for_a_new_namespace();
    namespace_ = current_namespace();
    // Or the kernel sends packets of its own. It may have no IPv6 at all.
    std::ignore = write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
    tun_ = open_tun();
    set_tcp("no_metrics_save", "1");  // or a connection begins with what an earlier one learnt
    set_tcp("slow_start_after_idle", settings.slow_start_after_idle ? "1" : "0");
    set_buffers(settings);
    configure_devices(host);
    set_congestion_control(host, settings.congestion_control);
  });
}

void HostNamespace::inside(const std::function<void()>& work) const {
  on_a_thread([&] {
    if (!enter()) refuse("a network namespace cannot be entered", errno, "run it as root");
    work();
  });
}

bool HostNamespace::enter() const { return ::setns(namespace_.get(), CLONE_NEWNET) == 0; }

InterfaceCounters HostNamespace::counters() const {
  std::string table;
  inside([&] { table = read_file("/proc/thread-self/net/dev"); });
  const std::size_t row = table.find(fmt::format("{}:", kDevice));
  STRAIT_CHECK(row != std::string::npos, "no {} in {}", kDevice, table);
  std::istringstream cells(table.substr(row + sizeof kDevice));
  constexpr int kBytes = 0, kPackets = 1, kDropped = 3, kOut = 8;  // the first 8 are of what came
  std::array<std::int64_t, 16> values{};
  for (std::int64_t& value : values) cells >> value;
  return {.packets_in = values[kPackets],
          .packets_out = values[kOut + kPackets],
          .bytes_in = values[kBytes],
          .bytes_out = values[kOut + kBytes],
          .dropped = values[kDropped] + values[kOut + kDropped]};
}

in_addr host_net() { return {htonl(kNet)}; }

in_addr address_of(int host) { return {htonl(kNet + static_cast<std::uint32_t>(host) + 1)}; }

std::string address_text(int host) {
  std::array<char, INET_ADDRSTRLEN> text{};
  const in_addr address = address_of(host);
  return ::inet_ntop(AF_INET, &address, text.data(), text.size());
}

int destination_of(const unsigned char* packet, std::size_t size) {
  constexpr std::size_t kHeader = 20, kDestination = 16;
  if (size < kHeader || packet[0] >> 4 != 4) return -1;
  std::uint32_t address = 0;
  std::memcpy(&address, packet + kDestination, sizeof address);
  const std::uint32_t host = ntohl(address) - kNet - 1;
  return host < kMostHosts ? static_cast<int>(host) : -1;
}

}  // namespace strait
