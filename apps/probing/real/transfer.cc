#include "apps/probing/real/transfer.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/base/rng.h"
#include "core/base/wall_clock.h"

namespace strait {
namespace {

constexpr std::size_t kSendBlock = 16 << 10;
constexpr std::size_t kReceiveBlock = 256 << 10;
constexpr Nanos kLook{1'000'000};      // at what the kernel says, at most that often
constexpr Bytes kMoreBytes = 1 << 20;  // a last block and the figures

std::vector<std::byte> random_block() {
  Rng rng(1, "probe");
  std::vector<std::byte> block(kSendBlock);
  for (std::byte& byte : block) byte = static_cast<std::byte>(rng.next());
  return block;
}

tcp_info info_of(const ProbeSocket& socket) {
  tcp_info info{};  // an older kernel fills less of it
  socklen_t size = sizeof info;
  ::getsockopt(socket.fd(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info;
}

Nanos micros(std::uint64_t us) { return std::chrono::microseconds(us); }

void wait_until_acknowledged(const ProbeSocket& socket) {
  const Nanos limit = monotonic_now() + kProbeStalled;
  int waiting = 0;
  while (::ioctl(socket.fd(), SIOCOUTQ, &waiting) == 0 && waiting > 0 && monotonic_now() < limit) {
    std::this_thread::sleep_for(kLook);
  }
}

/// Of 50 the second highest: one that was high because a thread came late is no queue.
Nanos nearly_highest(std::vector<std::uint32_t> all) {
  if (all.empty()) return Nanos{0};
  const auto at = all.begin() + static_cast<std::ptrdiff_t>((all.size() - 1) * 49 / 50);
  std::nth_element(all.begin(), at, all.end());
  return micros(*at);
}

/// Payload that has arrived at some moment, also behind a gap: what the receiver's program gets to
/// see waits for gaps to be filled, and comes in gusts.
struct Delivered {
  Nanos time{0};
  Bytes bytes = 0;
};

Delivered delivered(const tcp_info& info) {
  return {monotonic_now(), static_cast<Bytes>(info.tcpi_bytes_acked) +
                               Bytes{info.tcpi_sacked} * Bytes{info.tcpi_snd_mss}};
}

BytesPerSecond rate_between(const Delivered& from, const Delivered& to) {
  if (to.time <= from.time) return {0};
  return {std::llround(static_cast<double>(to.bytes - from.bytes) / seconds(to.time - from.time))};
}

}  // namespace

SenderFigures send_for(const ProbeSocket& socket, Nanos time) {
  static const std::vector<std::byte> block = random_block();
  SenderFigures figures;
  const Nanos start = monotonic_now();
  std::optional<Delivered> from;
  Delivered last{.time = start};
  Nanos moved = start;
  std::vector<std::uint32_t> round_trips;  // microseconds, a minute of them at most
  // Looks at fixed times, also where nothing moves: a rate without the pauses would be too high.
  for (Nanos now = start; now < start + time && figures.payload < kMostProbeBytes;
       now = monotonic_now()) {
    if (now >= last.time + kLook) {
      const tcp_info info = info_of(socket);
      round_trips.push_back(info.tcpi_rtt);
      last = delivered(info);
      if (!from && now >= start + time / 3) from = last;
    }
    const std::size_t sent = socket.send_some(block, kLook);
    if (sent > 0) moved = now;
    if (now > moved + kProbeStalled) {
      throw std::runtime_error(fmt::format("{}: nothing moves any more", socket.peer()));
    }
    figures.payload += static_cast<Bytes>(sent);
  }
  figures.goodput = rate_between(from.value_or(last), last);
  figures.high_rtt = nearly_highest(std::move(round_trips));
  wait_until_acknowledged(socket);
  const tcp_info info = info_of(socket);
  figures.segments = info.tcpi_data_segs_out;
  figures.sent_again = info.tcpi_total_retrans;
  figures.in_vain = std::min(info.tcpi_dsack_dups, info.tcpi_total_retrans);
  figures.held_up = micros(info.tcpi_rwnd_limited + info.tcpi_sndbuf_limited);
  return figures;
}

Received receive_to_end(const ProbeSocket& socket) {
  std::vector<std::byte> block(kReceiveBlock);
  socket.set_patience(kProbeStalled);
  const WallTimer since;
  Received received;
  while (const std::size_t count = socket.receive_some(block)) {
    received.total += static_cast<Bytes>(count);
    auto& last = received.last;
    const std::size_t fresh = std::min(count, last.size());
    std::copy(last.begin() + static_cast<std::ptrdiff_t>(fresh), last.end(), last.begin());
    std::memcpy(last.data() + last.size() - fresh, block.data() + count - fresh, fresh);
    if (received.total > kMostProbeBytes + kMoreBytes ||
        since.seconds() > seconds(kMostProbeTime + 2 * kProbeStalled)) {
      throw std::runtime_error(fmt::format("{}: it sends more than a probe does", socket.peer()));
    }
  }
  return received;
}

}  // namespace strait
