#include "apps/validation/kernel/link_relay.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "apps/validation/kernel/host_namespace.h"
#include "core/base/wall_clock.h"
#include "core/io/priority.h"

namespace strait {
namespace {

constexpr int kRelayPriority =
    40;  // before the hosts (kernel_flow.cc): they wait for their network

// How many of one kind are done before the other kind's turn.
constexpr int kTakenAtOnce = 16;
constexpr int kPassedAtOnce = 64;

}  // namespace

LinkRelay::LinkRelay(const KernelCase& c, std::uint64_t seed, std::vector<int> tuns)
    : tuns_(std::move(tuns)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  for (int host = 0; host < static_cast<int>(tuns_.size()); ++host) {
    up_.emplace_back(uplink_of(c, seed, host));
    down_.emplace_back(downlink_of(c));
  }
  wake_.push_back({stop_.get(), POLLIN, 0});
  for (const int tun : tuns_) wake_.push_back({tun, POLLIN, 0});
  thread_ = std::thread([this] { run(); });
}

LinkRelay::~LinkRelay() {
  if (thread_.joinable()) stop();
}

RelayReport LinkRelay::stop() {
  stopping_ = true;
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
  for (const RelayLink& link : up_) report_.wire_bytes += link.bytes();
  return report_;
}

void LinkRelay::run() {
  const RaisedPriority priority(kRelayPriority);
  while (!stopping_) {
    wait();
    for (std::size_t host = 0; host < tuns_.size(); ++host) take_packets(host);
    pass_on();
  }
}

/// Until a packet comes or is due.
void LinkRelay::wait() {
  timespec left{}, *limit = nullptr;
  if (!in_flight_.empty()) {
    const Nanos until = in_flight_.top().due - monotonic_now();
    if (until <= Nanos{0}) return;
    left = {.tv_sec = until.count() / 1'000'000'000, .tv_nsec = until.count() % 1'000'000'000};
    limit = &left;
  }
  ::ppoll(wake_.data(), wake_.size(), limit, nullptr);
}

void LinkRelay::take_packets(std::size_t host) {
  for (int i = 0; i < kTakenAtOnce; ++i) {
    Packet* packet = free_packet();
    const ssize_t size = ::read(tuns_[host], packet->data(), packet->size());
    if (size > 0) {
      const auto bytes = static_cast<std::size_t>(size);
      const int to = destination_of(packet->data(), bytes);
      if (to >= 0 && to < static_cast<int>(tuns_.size())) {
        if (const auto due = up_[host].offer(monotonic_now(), size)) {
          in_flight_.push({*due, taken_++, to, false, bytes, packet});
          continue;
        }
      }
    }
    free_.push_back(packet);
    if (size <= 0) return;
  }
}

void LinkRelay::pass_on() {
  const Nanos now = monotonic_now();
  for (int i = 0; i < kPassedAtOnce && !in_flight_.empty() && in_flight_.top().due <= now; ++i) {
    InFlight packet = in_flight_.top();
    in_flight_.pop();
    if (packet.through) {
      deliver(packet);
    } else if (const auto due = down_[static_cast<std::size_t>(packet.host)].offer(
                   packet.due, static_cast<Bytes>(packet.size))) {
      packet.due = *due;
      packet.through = true;
      in_flight_.push(packet);
      continue;
    }
    free_.push_back(packet.packet);
  }
}

void LinkRelay::deliver(const InFlight& packet) {
  report_.add(monotonic_now() - packet.due);
  // What the device did not take would be a loss that nobody asked for: the transfer would show it
  // as a retransmission. A device that is up takes everything.
  [[maybe_unused]] const ssize_t written =
      ::write(tuns_[static_cast<std::size_t>(packet.host)], packet.packet->data(), packet.size);
}

LinkRelay::Packet* LinkRelay::free_packet() {
  if (free_.empty()) return &memory_.emplace_back();
  Packet* packet = free_.back();
  free_.pop_back();
  return packet;
}

}  // namespace strait
