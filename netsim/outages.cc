#include "netsim/outages.h"

#include <algorithm>
#include <bit>

#include "core/base/wide.h"

namespace strait {
namespace {

constexpr int kFractionBits = 32;
constexpr std::int64_t kLn2 = 2'977'044'472;  // ln 2 * 2^32, rounded

/// -log2(draw / 2^64) * 2^32, rounded up. `draw` is not 0.
std::int64_t minus_log2(std::uint64_t draw) {
  const int zeros = std::countl_zero(draw);
  // draw = m * 2^(63 - zeros) with m in [1, 2): squaring m shows a bit of its logarithm at a time.
  std::uint64_t m = draw << zeros;  // m * 2^63
  std::int64_t log2 = 0;
  for (int bit = 0; bit < kFractionBits; ++bit) {
    const auto square = static_cast<unsigned __int128>(m) * m;  // m^2 * 2^126
    const bool two = (square >> 127) != 0;
    m = static_cast<std::uint64_t>(square >> (two ? 64 : 63));
    log2 = 2 * log2 + two;
  }
  return (static_cast<std::int64_t>(zeros + 1) << kFractionBits) - log2;
}

}  // namespace

Nanos draw_exponential(Rng& rng, Nanos mean) {
  const std::uint64_t draw = std::max<std::uint64_t>(rng.next(), 1);
  // 2^-32 accurate, so one product more than fits into 64 bits each time.
  const Wide logarithm = (static_cast<Wide>(minus_log2(draw)) * kLn2) >> kFractionBits;
  const Wide time = (logarithm * mean.count() + (Wide{1} << (kFractionBits - 1))) >> kFractionBits;
  return time >= kNever.count() ? kNever : Nanos{static_cast<std::int64_t>(time)};
}

OutageGenerator::OutageGenerator(std::uint64_t seed, const LinkOutages& outages)
    : rng_(seed, "outages " + outages.name),
      mean_up_(outages.mean_up),
      mean_down_(outages.mean_down),
      time_(outages.start),
      regular_(outages.regular) {}

OutageGenerator::Toggle OutageGenerator::next() {
  const Nanos mean = up_ ? mean_up_ : mean_down_;
  const Nanos stays = std::max(regular_ ? mean : draw_exponential(rng_, mean), kShortest);
  time_ = time_ >= kNever - stays ? kNever : time_ + stays;
  up_ = !up_;
  return {time_, up_};
}

}  // namespace strait
