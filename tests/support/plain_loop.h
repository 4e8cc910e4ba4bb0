// PlainLoop: the smallest Loop: virtual time that jumps to the next event, no islands, no threads.
#pragma once

#include <map>
#include <utility>

#include "core/base/loop.h"

namespace strait {

class PlainLoop : public Loop {
 public:
  Nanos now() const override { return now_; }
  void post(Callback f) override { at(now_, std::move(f)); }

  TimerId at(Nanos when, Callback f) override {
    const std::uint64_t number = ++last_;
    const Key key{when < now_ ? now_ : when, number};
    events_.emplace(key, std::move(f));
    times_.emplace(number, key.first);
    return static_cast<TimerId>(number);
  }

  void cancel(TimerId timer) override {
    const auto found = times_.find(static_cast<std::uint64_t>(timer));
    if (found == times_.end()) return;
    events_.erase({found->second, found->first});
    times_.erase(found);
  }

  /// Runs everything up to and including `end`, and stands there.
  void run_until(Nanos end) {
    while (!events_.empty() && events_.begin()->first.first <= end) run_next();
    now_ = end;
  }

  /// Runs the next event, if there is one.
  void run_one() {
    if (!events_.empty()) run_next();
  }

  /// Runs until nothing is left.
  void run_until_idle() {
    while (!events_.empty()) run_next();
  }

 private:
  using Key = std::pair<Nanos, std::uint64_t>;

  void run_next() {
    auto event = events_.extract(events_.begin());
    times_.erase(event.key().second);
    now_ = event.key().first;
    event.mapped()();
  }

  Nanos now_{0};
  std::uint64_t last_ = 0;
  std::map<Key, Callback> events_;
  std::map<std::uint64_t, Nanos> times_;
};

}  // namespace strait
