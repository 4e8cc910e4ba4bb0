#include "apps/validation/kernel/host_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

#include "core/base/errors.h"

namespace strait {
namespace {

constexpr char kDevice[] = "wan0";
constexpr int kMtu = 1500;
constexpr int kDeviceQueue = 20'000;        // packets: the queue that counts is the relay's
constexpr std::uint32_t kNet = 0x0A4D0000;  // 10.77.0.0/24

[[noreturn]] void refuse(std::string_view what, int error, std::string_view fix) {
  throw UserError(fmt::format("--kernel: {}: {}; {}", what, std::strerror(error), fix));
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

/// What calls about the device begin with.
ifreq about_device() {
  ifreq request{};
  std::memcpy(request.ifr_name, kDevice, sizeof kDevice);
  return request;
}

OwnedFile open_tun() {
  OwnedFile tun(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request = about_device();
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (tun.get() < 0 || ::ioctl(tun.get(), TUNSETIFF, &request) != 0) {
    refuse("/dev/net/tun", errno, "run modprobe tun (in a container, --device /dev/net/tun)");
  }
  return tun;
}

/// Address, MTU, queue, up: `ip addr add` and `ip link set` without the tool.
void configure_device(int host) {
  const OwnedFile socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = about_device();
  const auto set = [&](unsigned long what) {
    if (::ioctl(socket.get(), what, &request) == 0) return;
    refuse(fmt::format("{} (request {:#x})", kDevice, what), errno, "run it as root");
  };
  const auto set_address = [&](unsigned long what, in_addr address) {
    const sockaddr_in value{.sin_family = AF_INET, .sin_addr = address};
    std::memcpy(&request.ifr_addr, &value, sizeof value);
    set(what);
  };
  set_address(SIOCSIFADDR, address_of(host));
  set_address(SIOCSIFNETMASK, {htonl(0xFFFFFF00)});
  request.ifr_mtu = kMtu;
  set(SIOCSIFMTU);
  request.ifr_qlen = kDeviceQueue;
  set(SIOCSIFTXQLEN);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  set(SIOCSIFFLAGS);
}

/// Of the calling thread's namespace: /proc/sys/net shows everyone their own.
void set_tcp(std::string_view setting, const std::string& value) {
  const std::string path = fmt::format("/proc/sys/net/ipv4/tcp_{}", setting);
  const OwnedFile file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0 || ::write(file.get(), value.data(), value.size()) < 0) {
    refuse(path, errno, "it has to be writable (in a container, --privileged)");
  }
}

}  // namespace

HostNamespace::HostNamespace(const KernelCase& settings, int host) {
  on_a_thread([&] {
    leave_for_a_new_namespace();
    namespace_ = current_namespace();
    tun_ = open_tun();
    set_tcp("no_metrics_save", "1");  // or a connection begins with what an earlier one learnt
    set_tcp("slow_start_after_idle", settings.idle_restart ? "1" : "0");
    set_tcp("wmem", fmt::format("4096 16384 {}", settings.send_buffer));
    set_tcp("rmem", fmt::format("4096 131072 {}", settings.receive_buffer));
    configure_device(host);
  });
}

void HostNamespace::inside(const std::function<void()>& work) const {
  on_a_thread([&] {
    if (::setns(namespace_.get(), CLONE_NEWNET) != 0) {
      refuse("a network namespace cannot be entered", errno, "run it as root");
    }
    work();
  });
}

in_addr address_of(int host) { return {htonl(kNet + static_cast<std::uint32_t>(host) + 1)}; }

int destination_of(const unsigned char* packet, std::size_t size) {
  constexpr std::size_t kHeader = 20, kDestination = 16;
  if (size < kHeader || packet[0] >> 4 != 4) return -1;
  std::uint32_t address = 0;
  std::memcpy(&address, packet + kDestination, sizeof address);
  const std::uint32_t host = ntohl(address) - kNet - 1;
  return host < 0xFF ? static_cast<int>(host) : -1;
}

}  // namespace strait
