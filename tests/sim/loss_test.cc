#include "netsim/loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

/// |measured - expected| in standard deviations of `count` draws with probability p.
double deviations(std::int64_t hits, std::int64_t count, double p) {
  const double n = static_cast<double>(count);
  return std::abs(static_cast<double>(hits) - n * p) / std::sqrt(n * p * (1 - p));
}

TEST_CASE("distances between losses are geometric", "[loss]") {
  constexpr std::int64_t kDraws = 200'000;
  for (const std::int64_t ppm : {1'000, 20'000, 300'000, 500'000, 900'000}) {
    INFO(ppm << " ppm");
    const double p = static_cast<double>(ppm) * 1e-6;
    const LossOdds odds(ppm);
    Rng rng(7, "loss test");
    std::array<std::int64_t, 64> count{};
    double sum = 0;
    for (std::int64_t i = 0; i < kDraws; ++i) {
      const std::int64_t passed = odds.draw(rng);
      sum += static_cast<double>(passed);
      if (passed < 64) ++count[static_cast<std::size_t>(passed)];
    }
    // Mean (1-p)/p, variance (1-p)/p^2: four standard errors.
    const double mean = (1 - p) / p;
    CHECK(std::abs(sum / kDraws - mean) < 4 * std::sqrt((1 - p) / kDraws) / p);
    for (std::size_t n = 0; n < count.size(); ++n) {
      const double expected = p * std::pow(1 - p, static_cast<double>(n));
      if (expected * kDraws < 50) break;
      INFO(n << " segments come through");
      CHECK(deviations(count[n], kDraws, expected) < 4.5);
    }
  }
}

TEST_CASE("one in a million is as rare as it says", "[loss]") {
  const LossOdds odds(1);
  Rng rng(7, "rare");
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) sum += static_cast<double>(odds.draw(rng));
  CHECK(std::abs(sum / 10'000 - 999'999) < 4 * 10'000);
}

FlowLoss two_hops(std::int64_t first, std::int64_t second, std::uint64_t flow = 3) {
  FlowLoss loss;
  loss.set(0, LossOdds(first), 5, "up", flow);
  loss.set(2, LossOdds(second), 5, "down", flow);
  return loss;
}

struct Sum {
  std::int64_t sent = 0;
  std::vector<std::int64_t> segments;  // that were lost, counted from the first call
  std::vector<std::size_t> hops;
  std::vector<int> tries;

  void send(FlowLoss& loss, std::int64_t count) {
    loss.send(count, [&](const FlowLoss::Lost& lost) {
      segments.push_back(sent + lost.segment);
      hops.push_back(lost.hop);
      tries.push_back(lost.tries);
    });
    sent += count;
  }
};

TEST_CASE("losses do not depend on how segments are grouped", "[loss]") {
  FlowLoss whole = two_hops(20'000, 50'000), parts = two_hops(20'000, 50'000);
  Sum a, b;
  a.send(whole, 20'000);
  Rng rng(1, "groups");
  while (b.sent < 20'000) {
    b.send(parts,
           std::min<std::int64_t>(static_cast<std::int64_t>(rng.below(40)), 20'000 - b.sent));
  }
  CHECK(a.segments == b.segments);
  CHECK(a.hops == b.hops);
  CHECK(a.tries == b.tries);
}

TEST_CASE("a link loses of what reaches it, repetitions included", "[loss]") {
  FlowLoss loss = two_hops(100'000, 300'000);
  Sum sum;
  sum.send(loss, 100'000);
  const auto lost_by = [&](std::size_t hop) {
    return static_cast<std::int64_t>(std::count(sum.hops.begin(), sum.hops.end(), hop));
  };
  const auto transmissions = 100'000 + static_cast<std::int64_t>(sum.segments.size());
  CHECK(deviations(lost_by(0), transmissions, 0.1) < 4);
  CHECK(deviations(lost_by(2), transmissions - lost_by(0), 0.3) < 4);
  CHECK(lost_by(1) == 0);
  // A transmission is lost with 1 - 0.9 * 0.7 = 0.37, so that is how often a lost one is lost
  // again.
  std::int64_t again = 0;
  for (std::size_t i = 0; i < sum.tries.size(); ++i) {
    const bool same = i > 0 && sum.segments[i] == sum.segments[i - 1];
    CHECK(sum.tries[i] == (same ? sum.tries[i - 1] + 1 : 1));
    again += same;
  }
  CHECK(deviations(again, static_cast<std::int64_t>(sum.tries.size()), 0.37) < 4);
}

TEST_CASE("flows and links draw each for themselves", "[loss]") {
  FlowLoss one = two_hops(50'000, 0), other = two_hops(50'000, 0, 4),
           more = two_hops(50'000, 50'000);
  Sum a, b, c;
  a.send(one, 5'000);
  b.send(other, 5'000);
  c.send(more, 5'000);
  CHECK(a.segments != b.segments);
  // What the first link loses first does not depend on the second.
  const auto first = std::find(c.hops.begin(), c.hops.end(), 0u) - c.hops.begin();
  const auto before = static_cast<std::int64_t>(first);
  CHECK(c.segments[static_cast<std::size_t>(first)] + before == a.segments[0]);
}

TEST_CASE("odds may change on the way and end", "[loss]") {
  FlowLoss loss = two_hops(0, 200'000);
  Sum sum;
  sum.send(loss, 1'000);
  const std::size_t before = sum.segments.size();
  CHECK(before > 100);
  loss.set(2, LossOdds(0), 5, "down", 3);
  sum.send(loss, 1'000'000'000'000);
  CHECK(sum.segments.size() == before);
  loss.set(2, LossOdds(500'000), 5, "down", 3);
  sum.send(loss, 1'000);
  CHECK(sum.segments.size() > before + 700);
}

// A burst has 1 / r packets on average, and 1 / p - 1 are between two: the share is p / (p + r - p
// r).
TEST_CASE("bursts have the length and the share that was asked for", "[loss]") {
  const Bursts bursts{.begin_ppm = 2'000, .end_ppm = 100'000};
  BurstLoss loss(bursts, 1, "0.up");
  std::vector<std::int64_t> lost;
  constexpr std::int64_t kPackets = 4'000'000;
  loss.pass(kPackets, lost);
  std::int64_t begun = 0;
  for (std::size_t i = 0; i < lost.size(); ++i) begun += i == 0 || lost[i] > lost[i - 1] + 1;
  const auto n = static_cast<double>(lost.size());
  // Some 8,000 bursts: good to 2 % or so.
  CHECK(n / static_cast<double>(begun) == Approx(10).epsilon(0.05));
  CHECK(n / kPackets == Approx(static_cast<double>(bursts.lost_ppm()) * 1e-6).epsilon(0.05));
  // And it does not matter how many come at once.
  BurstLoss same(bursts, 1, "0.up");
  std::vector<std::int64_t> again, some;
  Rng rng(1, "how many");
  for (std::int64_t at = 0; at < kPackets;) {
    const auto packets =
        std::min<std::int64_t>(kPackets - at, static_cast<std::int64_t>(rng.below(90)));
    some.clear();
    same.pass(packets, some);
    for (const std::int64_t place : some) again.push_back(at + place);
    at += packets;
  }
  CHECK(again == lost);
}

}  // namespace
}  // namespace strait
