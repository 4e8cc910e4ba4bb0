#include "apps/lab/link_relay.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "apps/lab/host_namespace.h"
#include "core/base/wall_clock.h"
#include "core/io/priority.h"

namespace strait {
namespace {

constexpr int kRelayPriority = 40;  // before the hosts: they wait for their network

// How many of one kind are done before the other kind's turn.
constexpr int kTakenAtOnce = 16;
constexpr int kPassedAtOnce = 64;

}  // namespace

LinkRelay::LinkRelay(RelayNetwork network, std::vector<int> tuns)
    : tuns_(std::move(tuns)), stop_(::eventfd(0, EFD_CLOEXEC)), paths_(std::move(network.paths)) {
  for (RelayLinkOptions& link : network.links) links_.emplace_back(std::move(link));
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
  for (const RelayLink& link : links_) report_.links.push_back(link.counters());
  return report_;
}

void LinkRelay::run() {
  const RaisedPriority priority(kRelayPriority);
  while (!stopping_) {
    wait();
    for (std::size_t host = 0; host < tuns_.size(); ++host) take_packets(host);
    pass_on();
    on_the_way_ = in_flight_.size();
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
        const auto& path = paths_[host * tuns_.size() + static_cast<std::size_t>(to)];
        InFlight taken{{}, taken_++, to, &path, 0, bytes, packet};
        if (!path.empty() && sent_on(taken, monotonic_now())) continue;
      }
    }
    free_.push_back(packet);
    if (size <= 0) return;
  }
}

/// Over the next link of its path; false if it is lost or dropped there.
bool LinkRelay::sent_on(InFlight& packet, Nanos now) {
  RelayLink& link = links_[static_cast<std::size_t>((*packet.path)[packet.hops++])];
  const auto due = link.offer(now, static_cast<Bytes>(packet.size));
  if (!due) return false;
  packet.due = *due;
  in_flight_.push(packet);
  return true;
}

void LinkRelay::pass_on() {
  const Nanos now = monotonic_now();
  for (int i = 0; i < kPassedAtOnce && !in_flight_.empty() && in_flight_.top().due <= now; ++i) {
    InFlight packet = in_flight_.top();
    in_flight_.pop();
    if (packet.hops == packet.path->size()) {
      deliver(packet);
    } else if (sent_on(packet, packet.due)) {
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
