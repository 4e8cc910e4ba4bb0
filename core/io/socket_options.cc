#include "core/io/socket_options.h"

#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/quantities.h"
#include "core/base/text.h"

namespace strait {

namespace {

void set_option(int fd, int level, int name, int value) {
  std::ignore = ::setsockopt(fd, level, name, &value, sizeof value);
}

bool set_congestion(int fd, const std::string& name) {
  return ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                      static_cast<socklen_t>(name.size())) == 0;
}

void set_buffer(int fd, int name, Bytes bytes) {
  // The kernel doubles what is asked for, for its own book-keeping.
  constexpr Bytes kMost = 1 << 30;
  if (bytes > 0) set_option(fd, SOL_SOCKET, name, static_cast<int>(std::min(bytes, kMost)));
}

std::string kernel_setting(const char* name) {
  return std::string(trim(read_file(std::string("/proc/sys/net/ipv4/") + name)));
}

/// The most that the kernel makes of a buffer by itself, if it may.
std::string buffer_text(Bytes bytes, const char* setting) {
  if (bytes > 0) return format_bytes(bytes);
  const std::string range = kernel_setting(setting);  // least, first, most
  return "up to " + format_bytes(std::stoll(range.substr(range.rfind('\t') + 1)));
}

}  // namespace

void prepare_socket(int fd, const SocketOptions& options) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!options.congestion.empty()) std::ignore = set_congestion(fd, options.congestion);
  set_buffer(fd, SO_SNDBUF, options.send_buffer);
  set_buffer(fd, SO_RCVBUF, options.receive_buffer);
}

void limit_unsent(int fd, Bytes bytes) {
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(bytes));
}

void end_when_silent(int fd) {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);  // seconds
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);  // ms
}

std::optional<StreamFigures> socket_figures(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  const auto micros = [](std::uint64_t us) { return Nanos{static_cast<std::int64_t>(us) * 1000}; };
  const bool measured = info.tcpi_min_rtt != ~0u;
  const Bytes out_of_order = Bytes{info.tcpi_sacked} * info.tcpi_snd_mss;
  return StreamFigures{.acked = static_cast<Bytes>(info.tcpi_bytes_acked) + out_of_order,
                       .sent = static_cast<Bytes>(info.tcpi_bytes_sent),
                       .sent_again = static_cast<Bytes>(info.tcpi_bytes_retrans),
                       .segments = info.tcpi_data_segs_out,
                       .lost = info.tcpi_total_retrans,
                       .rtt = micros(measured ? info.tcpi_rtt : 0),
                       .least_rtt = micros(measured ? info.tcpi_min_rtt : 0),
                       .busy = micros(info.tcpi_busy_time),
                       .held_up = micros(info.tcpi_rwnd_limited + info.tcpi_sndbuf_limited)};
}

std::string describe_sockets(const SocketOptions& options) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool known = options.congestion.empty() || set_congestion(fd, options.congestion);
  ::close(fd);
  if (!known) {
    throw UserError(fmt::format("sockets.congestion: this kernel has no '{}'; it has {}",
                                options.congestion,
                                kernel_setting("tcp_available_congestion_control")));
  }
  const bool default_one = options.congestion.empty();
  return fmt::format("TCP with {}{}, send buffers {}, receive buffers {}",
                     default_one ? kernel_setting("tcp_congestion_control") : options.congestion,
                     default_one ? " (the kernel's default)" : "",
                     buffer_text(options.send_buffer, "tcp_wmem"),
                     buffer_text(options.receive_buffer, "tcp_rmem"));
}

}  // namespace strait
