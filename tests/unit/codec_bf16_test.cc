#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/comm/codecs/codecs.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

std::vector<std::uint16_t> encoded(std::span<const float> values) {
  std::vector<std::uint16_t> words(values.size());
  make_bf16_codec()->encode(values, std::as_writable_bytes(std::span(words)));
  return words;
}

std::vector<float> decoded(std::span<const std::uint16_t> words) {
  std::vector<float> values(words.size());
  make_bf16_codec()->decode(std::as_bytes(words), values);
  return values;
}

// By trying both neighbours in double, as a second implementation would: the nearer one, of equals
// the even one.
std::uint16_t nearest(float value) {
  const auto down = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
  const auto up = static_cast<std::uint16_t>(down + 1);
  const auto as_double = [](std::uint16_t word) {
    return double{std::bit_cast<float>(static_cast<std::uint32_t>(word) << 16)};
  };
  if ((up & 0x7fff) == 0x7f80) return down;  // no finite value turns infinite
  const double below = std::abs(value - as_double(down)), above = std::abs(as_double(up) - value);
  if (below == above) return down % 2 == 0 ? down : up;
  return below < above ? down : up;
}

TEST_CASE("bf16 rounds to the nearest value and to even at ties", "[codec]") {
  const auto wild = wild_floats(200'000, 31), normal = normal_floats(200'000, 32);
  for (const auto& values : {wild, normal}) {
    const auto words = encoded(values);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < values.size(); ++i) wrong += words[i] != nearest(values[i]);
    CHECK(wrong == 0);
  }
  // 1 + 1/256 lies in the middle between 1 and 1 + 1/128, 1 + 3/256 between that and 1 + 1/64.
  const std::vector<float> ties{1 + 1.0f / 256, 1 + 3.0f / 256, -1 - 1.0f / 256, -1 - 3.0f / 256};
  CHECK(decoded(encoded(ties)) == std::vector<float>{1, 1 + 1.0f / 64, -1, -1 - 1.0f / 64});
}

TEST_CASE("bf16 keeps each of its own values", "[codec]") {
  std::vector<std::uint16_t> words;
  for (std::uint32_t word = 0; word <= 0xffff; ++word) {
    const bool nan = (word & 0x7fffu) > 0x7f80u;
    if (!nan) words.push_back(static_cast<std::uint16_t>(word));
  }
  CHECK(words.size() == 65'536 - 2 * 127);
  CHECK((encoded(decoded(words)) == words));  // in brackets: too long to print
}

TEST_CASE("bf16 turns nothing finite into infinity and nothing else into a number", "[codec]") {
  const float largest = std::numeric_limits<float>::max();
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // A NaN whose only set bits are those that bf16 cuts off.
  const float low_nan = std::bit_cast<float>(0x7f800001u);
  const float all_ones = std::bit_cast<float>(0xffffffffu);
  CHECK(encoded(std::vector<float>{largest, -largest}) ==
        std::vector<std::uint16_t>{0x7f7f, 0xff7f});
  CHECK(encoded(std::vector<float>{infinity, -infinity}) ==
        std::vector<std::uint16_t>{0x7f80, 0xff80});
  for (const float bad : {nan, -nan, low_nan, all_ones}) {
    CHECK(std::isnan(decoded(encoded(std::vector<float>(40, bad)))[33]));
  }
}

TEST_CASE("bf16 is off by at most a 256th of each value", "[codec]") {
  const auto values = normal_floats(100'000, 33);
  const auto result = decoded(encoded(values));
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    worst = std::max(worst, std::abs(double{values[i]} - result[i]) / std::abs(values[i]));
  }
  CHECK(worst <= 1.0 / 256);
  CHECK(worst > 0.9 / 256);
}

}  // namespace
}  // namespace strait
