#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/comm/codecs/codecs.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

constexpr std::size_t kBlock = 128;

std::vector<std::byte> encoded(std::span<const float> values) {
  const auto codec = make_int8_codec();
  std::vector<std::byte> bytes(codec->encoded_size(values.size()));
  codec->encode(values, bytes);
  return bytes;
}

std::vector<float> round_trip(std::span<const float> values) {
  std::vector<float> result(values.size());
  make_int8_codec()->decode(encoded(values), result);
  return result;
}

// The documented layout, block by block, as a second implementation would write it.
std::vector<std::byte> reference(std::span<const float> values) {
  std::vector<std::byte> bytes;
  for (std::size_t at = 0; at < values.size(); at += kBlock) {
    const auto block = values.subspan(at, std::min(kBlock, values.size() - at));
    float absmax = 0;
    for (const float x : block) absmax = std::max(absmax, std::fabs(x));
    float scale = absmax == 0 ? 0 : std::max(absmax / 127, std::numeric_limits<float>::min());
    if (std::isinf(127 * scale)) scale = std::nextafter(scale, 0.0f);
    const float inverse = scale == 0 ? 0 : 1 / scale;
    bytes.resize(bytes.size() + 4);
    std::memcpy(bytes.data() + bytes.size() - 4, &scale, 4);
    for (const float x : block) {
      const float steps = x * inverse;
      bytes.push_back(static_cast<std::byte>(static_cast<std::int8_t>(std::nearbyint(steps))));
    }
  }
  return bytes;
}

TEST_CASE("int8 writes the layout it documents", "[codec]") {
  for (const std::int64_t n : {0, 1, 127, 128, 129, 255, 256, 257, 1000}) {
    const auto normal = normal_floats(n, 11);
    const auto wild = wild_floats(n, 12);
    CHECK((encoded(normal) == reference(normal)));  // in brackets: too long to print
    CHECK((encoded(wild) == reference(wild)));
    CHECK(make_int8_codec()->encoded_size(n) == static_cast<Bytes>(reference(normal).size()));
  }
}

// From the smallest denormal to the largest float: half a step of the block's own scale.
TEST_CASE("int8 is off by at most half a scale at every size of value", "[codec]") {
  std::vector<float> worst;
  for (int exponent = -149; exponent <= 127; exponent += 3) {
    auto values = normal_floats(777, 20 + static_cast<std::uint64_t>(exponent + 149));
    for (float& x : values) x = std::ldexp(std::clamp(x / 4, -1.0f, 1.0f), exponent);
    const auto result = round_trip(values);
    const auto bytes = encoded(values);
    double excess = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      float scale;
      std::memcpy(&scale, bytes.data() + i / kBlock * (kBlock + 4), 4);
      const double error = std::fabs(double{values[i]} - double{result[i]});
      if (scale > 0) excess = std::max(excess, error / scale);
      if (scale == 0) excess = std::max(excess, error > 0 ? 1.0 : 0.0);
    }
    INFO("2^" << exponent);
    CHECK(excess <= 0.5 * (1 + 1e-4));
    CHECK(excess > 0.4 * (exponent > -115));  // of 777 values some lie near the middle of a step
  }
}

TEST_CASE("int8 keeps the extremes, zeros and ties to even", "[codec]") {
  const float largest = std::numeric_limits<float>::max();
  auto result = round_trip(std::vector<float>{largest, -largest, 0.0f, largest / 127});
  CHECK(result[0] == Approx(largest));
  CHECK(result[1] == -result[0]);
  CHECK(result[2] == 0.0f);
  CHECK(result[3] == Approx(largest / 127));

  // absmax 127: a scale of exactly 1, so that halves are ties.
  result = round_trip(std::vector<float>{127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 126.5f});
  CHECK(result == std::vector<float>{127.0f, 0.0f, 2.0f, 2.0f, 0.0f, -2.0f, 126.0f});

  const std::vector<float> zeros{0.0f, -0.0f, 0.0f};
  CHECK(encoded(zeros) == std::vector<std::byte>(7, std::byte{0}));
  CHECK(round_trip(zeros) == std::vector<float>(3, 0.0f));
}

TEST_CASE("int8 keeps blocks apart", "[codec]") {
  std::vector<float> values(600, 1e-3f);
  values[300] = 1000.0f;  // swallows its own block and no other
  const auto result = round_trip(values);
  CHECK(result[0] == Approx(1e-3f));
  CHECK(result[255] == Approx(1e-3f));
  CHECK(result[256] == 0.0f);
  CHECK(result[383] == 0.0f);
  CHECK(result[384] == Approx(1e-3f));
}

TEST_CASE("int8 does not turn infinity or NaN into a finite value", "[codec]") {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> values(kBlock, 1.0f);
    values[17] = bad;
    const auto result = round_trip(values);
    CHECK(std::none_of(result.begin(), result.end(), [](float x) { return std::isfinite(x); }));
  }
}

}  // namespace
}  // namespace strait
