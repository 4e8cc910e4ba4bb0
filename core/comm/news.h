// News: what the processes of islands tell the coordinator's for people, and for nothing else:
// losses, bytes, who has ended. Small messages over the control connections.
//
// Told in order and heard exactly once per life of an island, across lost sessions and a
// coordinator that starts anew (which hears what the earlier one had not confirmed). When the run
// is over the desk says so: until then an island stays, since others may need what it has.
//
// Thread: the loop's. The transport outlives both.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/comm/transport.h"

namespace strait {

/// At an island.
class NewsTeller final : private SessionWatcher {
 public:
  explicit NewsTeller(Transport& transport);
  ~NewsTeller() override;
  NewsTeller(const NewsTeller&) = delete;
  NewsTeller& operator=(const NewsTeller&) = delete;

  /// At most kLargestControl bytes.
  void tell(std::vector<std::byte> news);

  bool all_heard() const { return waiting_.empty(); }
  bool over() const { return over_; }

  /// Called when either becomes true.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

  /// The coordinator does not want us, for good; with its reason.
  void on_refusal(std::function<void(const Failure&)> refused) { refused_ = std::move(refused); }

 private:
  struct Item {
    std::uint64_t number = 0;
    Slice message;
  };

  void session_opened(PeerId peer) override;
  void session_lost(PeerId peer, const Failure& failure) override;
  void heard(const Slice& message);
  void send(const Item& item);

  Transport& transport_;
  std::deque<Item> waiting_;  // not confirmed
  std::uint64_t last_ = 0;
  bool over_ = false;
  std::function<void()> changed_;
  std::function<void(const Failure&)> refused_;
};

/// At the coordinator.
class NewsDesk final : private SessionWatcher {
 public:
  using Hear = std::function<void(IslandId from, std::span<const std::byte> news)>;

  NewsDesk(Transport& transport, Hear hear);
  ~NewsDesk() override;
  NewsDesk(const NewsDesk&) = delete;
  NewsDesk& operator=(const NewsDesk&) = delete;

  /// From now on every island that is there, or comes, is told that the run is over.
  void say_over();

 private:
  struct Known {
    std::uint64_t life = 0;
    std::uint64_t last = 0;  // number that was heard
  };

  void session_opened(PeerId peer) override;
  void session_lost(PeerId peer, const Failure&) override;
  void heard(PeerId from, const Slice& message);
  void confirm(PeerId to);

  Transport& transport_;
  const Hear hear_;
  std::map<PeerId, Known> known_;
  bool over_ = false;
};

}  // namespace strait
