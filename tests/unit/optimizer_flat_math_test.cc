#include <algorithm>
#include <cmath>
#include <limits>

#include "core/train/flat_math.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

// The order that lane_sum.h documents, written as it reads there.
double documented_norm(std::span<const float> values) {
  double lanes[32] = {};
  for (std::size_t i = 0; i < values.size(); ++i) lanes[i % 32] += double{values[i]} * values[i];
  for (int half = 16; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return std::sqrt(lanes[0]);
}

TEST_CASE("the norm is summed in the documented order by every twin", "[optimizer]") {
  const auto values = normal_floats(700, 1);
  const auto wild = wild_floats(700, 2);
  int wrong = 0;
  for (const Simd simd : supported_simd()) {
    for (std::size_t n = 0; n <= 600; ++n) {
      const auto part = std::span(values).subspan(n % 17, n);
      wrong += l2_norm(part, simd) != documented_norm(part);
      wrong += l2_norm(std::span(wild).first(n), simd) != documented_norm(std::span(wild).first(n));
    }
  }
  CHECK(wrong == 0);
  CHECK(l2_norm(std::vector<float>{3.0f, 4.0f}) == 5.0);
  CHECK(l2_norm({}) == 0.0);
}

TEST_CASE("all_finite finds one bad value anywhere", "[optimizer]") {
  for (const Simd simd : supported_simd()) {
    auto values = wild_floats(333, 5);
    CHECK(all_finite(values, simd));
    CHECK(all_finite({}, simd));
    int missed = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float good = values[i];
      for (const float bad :
           {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
            std::numeric_limits<float>::quiet_NaN()}) {
        values[i] = bad;
        missed += all_finite(values, simd);
      }
      values[i] = good;
    }
    CHECK(missed == 0);
  }
}

TEST_CASE("the outer gradient is old minus new", "[optimizer]") {
  const auto shared = normal_floats(333, 1), local = normal_floats(333, 2);
  for (const Simd simd : supported_simd()) {
    auto out = local;  // in place, too
    outer_gradient(shared, out, out, simd);
    int wrong = 0;
    for (std::size_t i = 0; i < out.size(); ++i) wrong += out[i] != shared[i] - local[i];
    CHECK(wrong == 0);
  }
}

TEST_CASE("a hash of floats changes with any bit", "[optimizer]") {
  auto values = normal_floats(100, 1);
  const auto hash = hash_floats(values);
  CHECK(hash == hash_floats(normal_floats(100, 1)));
  values[99] = std::nextafter(values[99], 1.0f);
  CHECK(hash != hash_floats(values));
  CHECK(hash_floats(std::vector<float>{0.0f}) != hash_floats(std::vector<float>{-0.0f}));
}

}  // namespace
}  // namespace strait
