// LinkRelay: forwards packets between the TUN devices of hosts over links, in real time: those of
// the path from the sender to the receiver, one after the other.
//
// A thread of its own, before all others of the machine if that is allowed. What it was late for it
// counts: a late relay is another network than the one asked for.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <deque>
#include <queue>
#include <thread>
#include <vector>

#include "apps/lab/relay_link.h"
#include "apps/lab/relay_report.h"
#include "core/base/owned_file.h"

namespace strait {

struct RelayNetwork {
  std::vector<RelayLinkOptions> links;
  std::vector<std::vector<int>> paths;  // [from * hosts + to]: links in order; empty: none
};

class LinkRelay {
 public:
  /// Starts; `tuns` of the hosts in their order, open as long as this lives.
  LinkRelay(RelayNetwork network, std::vector<int> tuns);
  ~LinkRelay();
  LinkRelay(const LinkRelay&) = delete;
  LinkRelay& operator=(const LinkRelay&) = delete;

  /// Whether nothing is on its way just now.
  bool is_quiet() const { return on_the_way_ == 0; }

  /// Forwards nothing any more. Once.
  RelayReport stop();

 private:
  static constexpr std::size_t kLargest = 2048;  // bytes of a packet; the MTU is 1500
  using Packet = std::array<unsigned char, kLargest>;

  struct InFlight {
    Nanos due{0};
    std::uint64_t order = 0;  // of those due at once
    int host = 0;             // whom it is for
    const std::vector<int>* path = nullptr;
    std::size_t hops = 0;  // links that it has passed
    std::size_t size = 0;
    Packet* packet = nullptr;
    bool operator<(const InFlight& other) const {  // the queue's top is the largest
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  void run();
  void wait();
  void take_packets(std::size_t host);
  bool sent_on(InFlight& packet, Nanos now);
  void pass_on();
  void deliver(const InFlight& packet);
  Packet* free_packet();

  const std::vector<int> tuns_;
  OwnedFile stop_;  // an eventfd
  std::vector<pollfd> wake_;
  const std::vector<std::vector<int>> paths_;
  std::vector<RelayLink> links_;
  std::priority_queue<InFlight> in_flight_;
  std::uint64_t taken_ = 0;
  std::deque<Packet> memory_;
  std::vector<Packet*> free_;
  RelayReport report_;
  std::atomic<std::size_t> on_the_way_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;  // the last: runs all the above
};

}  // namespace strait
