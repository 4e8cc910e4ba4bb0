// Which segments of a flow its links lose: each link loses each segment independently with the
// same probability.
//
// Nobody draws for every segment. The number of segments until the next lost one is geometric:
// P(n) = p (1-p)^n. So the binary digits of n are independent, and digit k is 1 with the odds
// (1-p)^(2^k) : 1. A draw per digit (10 of them at 5 %, 26 at one in a million) gives n exactly,
// to 2^-64, in integers.
//
// Every flow has a generator of its own per link, keyed by the link's name and the flow's key:
// another island, link or connection changes none of its draws. Pure; no clock.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/rng.h"

namespace strait {

/// Gilbert-Elliott: of a million packets outside a burst so many begin one, and of a million in a
/// burst so many are its last; all packets of a burst are lost. (Gilbert 1960, Elliott 1963.)
struct Bursts {
  std::int64_t begin_ppm = 0;  // 0: none
  std::int64_t end_ppm = 0;

  bool none() const { return begin_ppm == 0; }
  /// Of all packets, parts per million.
  std::int64_t lost_ppm() const {
    return none() ? 0
                  : 1'000'000 * begin_ppm / (begin_ppm + end_ppm - begin_ppm * end_ppm / 1'000'000);
  }
  /// Packets of a burst, on average.
  std::int64_t length() const { return none() ? 0 : 1'000'000 / end_ppm; }
  bool operator==(const Bursts&) const = default;
};

class LossOdds {
 public:
  /// Nothing is lost.
  LossOdds() = default;
  /// `ppm` in a million segments are lost; below a million.
  explicit LossOdds(std::int64_t ppm);

  bool none() const { return none_; }

  /// How many segments come through before the next lost one.
  std::int64_t draw(Rng& rng) const;

 private:
  bool none_ = true;
  std::vector<std::uint64_t> digits_;  // probability that the digit is 1, times 2^64
};

/// The bursts of one link, which all its flows share.
class BurstLoss {
 public:
  /// None.
  BurstLoss() = default;
  BurstLoss(const Bursts& bursts, std::uint64_t seed, std::string_view link);

  bool none() const { return begins_.none(); }

  /// Of the next `packets`, adds to `lost` the places (from 0) of those that are lost.
  void pass(std::int64_t packets, std::vector<std::int64_t>& lost);

 private:
  LossOdds begins_, ends_;
  Rng rng_{0, ""};
  bool bad_ = false;               // in a burst
  std::int64_t until_switch_ = 0;  // packets
};

/// The losses of one flow on its way.
class FlowLoss {
 public:
  struct Lost {
    std::int64_t segment = 0;  // counts from 0 in what is sent at once
    std::size_t hop = 0;       // the link of the path that lost it
    int tries = 0;             // how often this segment has been lost by now
  };

  /// Link `hop` of the path loses with these odds from now on. Its draws begin with the first call.
  void set(std::size_t hop, const LossOdds& odds, std::uint64_t seed, std::string_view link,
           std::uint64_t flow);

  /// So many segments come through for sure before the next loss.
  std::int64_t quiet() const;

  /// `segments` are sent, and each lost one again until it comes through; `lost` hears of each
  /// loss, in order. Lost(const Lost&).
  template <class F>
  void send(std::int64_t segments, F lost);

 private:
  struct Hop {
    std::size_t hop;
    Rng rng;
    LossOdds odds;
    std::int64_t until_next;  // segments that come through before the next lost one
  };

  static constexpr std::int64_t kNone = INT64_MAX;

  const Hop* next_loss() const;
  void pass(std::int64_t segments, const Hop* lost_by);

  std::vector<Hop> hops_;  // in the order of the path
};

template <class F>
void FlowLoss::send(std::int64_t segments, F lost) {
  std::int64_t passed = 0;
  Lost last{.segment = -1};
  for (;;) {
    const Hop* const by = next_loss();
    const std::int64_t before = by == nullptr ? kNone : by->until_next;
    if (before >= segments - passed) return pass(segments - passed, nullptr);
    passed += before;  // the lost one is sent again, so it is still to come
    pass(before, by);
    last = {
        .segment = passed, .hop = by->hop, .tries = last.segment == passed ? last.tries + 1 : 1};
    lost(last);
  }
}

}  // namespace strait
