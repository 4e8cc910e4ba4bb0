#include "netsim/loss.h"

#include <algorithm>
#include <string>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {

namespace {

constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

LossOdds::LossOdds(std::int64_t ppm) : none_(ppm == 0) {
  STRAIT_CHECK(ppm >= 0 && ppm < kMillion, "{} of a million segments are lost", ppm);
  if (none_) return;
  // (1-p)^(2^k) * 2^64, until that is nothing.
  auto through = static_cast<std::uint64_t>((static_cast<UnsignedWide>(kMillion - ppm) << 64) /
                                            static_cast<UnsignedWide>(kMillion));
  while (through != 0) {
    digits_.push_back(static_cast<std::uint64_t>((UnsignedWide{through} << 64) /
                                                 ((UnsignedWide{1} << 64) + through)));
    through = static_cast<std::uint64_t>((UnsignedWide{through} * through) >> 64);
  }
}

std::int64_t LossOdds::draw(Rng& rng) const {
  std::int64_t passed = 0;
  for (std::size_t k = 0; k < digits_.size(); ++k) {
    if (rng.next() < digits_[k]) passed |= std::int64_t{1} << k;
  }
  return passed;
}

BurstLoss::BurstLoss(const Bursts& bursts, std::uint64_t seed, std::string_view link)
    : begins_(bursts.begin_ppm), ends_(bursts.end_ppm), rng_(seed, "bursts " + std::string(link)) {
  until_switch_ = begins_.draw(rng_);
}

void BurstLoss::pass(std::int64_t packets, std::vector<std::int64_t>& lost) {
  for (std::int64_t at = 0; at < packets;) {
    const std::int64_t same = std::min(packets - at, until_switch_);
    for (std::int64_t i = at; bad_ && i < at + same; ++i) lost.push_back(i);
    at += same;
    until_switch_ -= same;
    if (until_switch_ > 0) return;
    bad_ = !bad_;
    until_switch_ = bad_ ? ends_.draw(rng_) + 1 : begins_.draw(rng_);
  }
}

void FlowLoss::set(std::size_t hop, const LossOdds& odds, std::uint64_t seed, std::string_view link,
                   std::uint64_t flow) {
  auto at = std::find_if(hops_.begin(), hops_.end(), [&](const Hop& h) { return h.hop >= hop; });
  if (at == hops_.end() || at->hop != hop) {
    at = hops_.insert(at, {hop, Rng(seed, "loss " + std::string(link), flow), {}, kNone});
  }
  at->odds = odds;
  // The process has no memory, so drawing anew leaves it as it is.
  at->until_next = odds.none() ? kNone : odds.draw(at->rng);
}

std::int64_t FlowLoss::quiet() const {
  const Hop* const next = next_loss();
  return next == nullptr ? kNone : next->until_next;
}

/// The hop that loses a segment first; of equals the first on the path, which the segment meets
/// first. Null if none loses any.
const FlowLoss::Hop* FlowLoss::next_loss() const {
  const Hop* first = nullptr;
  for (const Hop& hop : hops_) {
    if (hop.odds.none()) continue;
    if (first == nullptr || hop.until_next < first->until_next) first = &hop;
  }
  return first;
}

/// So many segments come through, and then, if `lost_by` is given, it loses one, which the hops
/// before it have passed on and those behind it never see.
void FlowLoss::pass(std::int64_t segments, const Hop* lost_by) {
  bool before = lost_by != nullptr;
  for (Hop& hop : hops_) {
    if (hop.odds.none()) continue;
    if (&hop == lost_by) {
      hop.until_next = hop.odds.draw(hop.rng);
      before = false;
      continue;
    }
    hop.until_next -= segments + (before ? 1 : 0);
  }
}

}  // namespace strait
