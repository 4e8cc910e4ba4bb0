// Each kernel against the textbook's formula in double, and its twins against each other. Widths
// are no multiples of a vector.
#include "core/train/tasks/gpt_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

constexpr std::int64_t kRows = 5;
constexpr std::int64_t kColumns = 83;

std::vector<float> draws(std::string_view name, std::size_t n = kRows * kColumns) {
  Rng rng(3, name);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

template <class T>
Matrix<T> matrix(std::vector<T>& values, std::int64_t columns = kColumns) {
  return {values.data(), std::ssize(values) / columns, columns, columns};
}

double largest_error(const std::vector<float>& values, const std::vector<double>& exact) {
  REQUIRE(values.size() == exact.size());
  double largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(values[i] - exact[i]));
  }
  return largest;
}

// LayerNorm of one row, exactly; and its scalar product with `dy`, whose derivatives are the
// gradients.
double norm_product(const std::vector<double>& x, const std::vector<double>& weight,
                    const std::vector<double>& bias, const std::vector<double>& dy) {
  const auto n = static_cast<double>(x.size());
  double mean = 0, variance = 0, product = 0;
  for (const double value : x) mean += value / n;
  for (const double value : x) variance += (value - mean) * (value - mean) / n;
  for (std::size_t j = 0; j < x.size(); ++j) {
    product += dy[j] * ((x[j] - mean) / std::sqrt(variance + 1e-5) * weight[j] + bias[j]);
  }
  return product;
}

struct Norm {
  std::vector<float> x = draws("x"), dy = draws("dy"), y = std::vector<float>(x.size());
  std::vector<float> dx = draws("dx");
  std::vector<float> weight = draws("weight", kColumns), bias = draws("bias", kColumns);
  std::vector<float> dweight = draws("dweight", kColumns), dbias = draws("dbias", kColumns);
  std::vector<float> mean = std::vector<float>(kRows), scale = std::vector<float>(kRows);

  explicit Norm(Simd simd) {
    const RowMoments moments{mean.data(), scale.data()};
    layer_norm(matrix(x), weight.data(), bias.data(), matrix(y), moments, simd);
    layer_norm_backward(matrix(dy), matrix(x), moments, weight.data(), matrix(dx), simd);
    layer_norm_weights_backward(matrix(dy), matrix(x), moments, dweight.data(), dbias.data(), simd);
  }
};

TEST_CASE("LayerNorm and its gradients are those of its formula", "[kernels]") {
  const Norm norm(Simd::kScalar);
  const auto row = [](const std::vector<float>& values, std::int64_t r) {
    return std::vector<double>(values.begin() + r * kColumns, values.begin() + (r + 1) * kColumns);
  };
  const std::vector<double> weight(norm.weight.begin(), norm.weight.end());
  const std::vector<double> bias(norm.bias.begin(), norm.bias.end());
  std::vector<double> y, dx, dweight, dbias;
  const auto start_of_dx = draws("dx"), start_of_dweight = draws("dweight", kColumns),
             start_of_dbias = draws("dbias", kColumns);
  dweight.assign(start_of_dweight.begin(), start_of_dweight.end());
  dbias.assign(start_of_dbias.begin(), start_of_dbias.end());
  constexpr double kStep = 1e-5;
  for (std::int64_t r = 0; r < kRows; ++r) {
    const auto x = row(norm.x, r), dy = row(norm.dy, r);
    for (std::size_t j = 0; j < kColumns; ++j) {
      std::vector<double> one(kColumns, 0.0);
      one[j] = 1;
      y.push_back(norm_product(x, weight, bias, one));
      auto up = x, down = x;
      up[j] += kStep;
      down[j] -= kStep;
      dx.push_back(start_of_dx[static_cast<std::size_t>(r) * kColumns + j] +
                   (norm_product(up, weight, bias, dy) - norm_product(down, weight, bias, dy)) /
                       (2 * kStep));
      dweight[j] += dy[j] * norm_product(x, std::vector<double>(kColumns, 1.0),
                                         std::vector<double>(kColumns, 0.0), one);
      dbias[j] += dy[j];
    }
  }
  CHECK(largest_error(norm.y, y) < 2e-6);
  CHECK(largest_error(norm.dx, dx) < 2e-6);
  CHECK(largest_error(norm.dweight, dweight) < 2e-6);
  CHECK(largest_error(norm.dbias, dbias) < 2e-6);
}

TEST_CASE("LayerNorm has the same bits in every twin and in parts", "[kernels]") {
  const Norm scalar(Simd::kScalar);
  for (const Simd simd : supported_simd()) {
    INFO(to_string(simd));
    const Norm other(simd);
    CHECK(same_bits(scalar.y, other.y));
    CHECK(same_bits(scalar.dx, other.dx));
    CHECK(same_bits(scalar.dweight, other.dweight));
    CHECK(same_bits(scalar.dbias, other.dbias));
  }
  Norm parts(best_simd());
  parts.dweight = draws("dweight", kColumns);
  parts.dbias = draws("dbias", kColumns);
  for (const auto& [begin, end] : {std::pair{0, 32}, {32, 50}, {50, 83}}) {
    layer_norm_weights_backward(matrix(parts.dy).columns_of(begin, end),
                                matrix(parts.x).columns_of(begin, end),
                                {parts.mean.data(), parts.scale.data()},
                                parts.dweight.data() + begin, parts.dbias.data() + begin);
  }
  CHECK(same_bits(scalar.dweight, parts.dweight));
  CHECK(same_bits(scalar.dbias, parts.dbias));
}

struct GeluOf {
  std::vector<float> value, slope;

  GeluOf(std::vector<float> x, Simd simd) : value(std::move(x)), slope(value.size()) {
    const std::vector<float> bias(value.size(), 0.25f);
    const auto columns = std::ssize(value);
    bias_gelu(matrix(value, columns), bias.data(), matrix(slope, columns), simd);
  }
};

TEST_CASE("GELU and its slope are exact to 1e-6 and the same bits in every twin", "[kernels]") {
  std::vector<float> x;
  for (int i = -12'000; i <= 12'000; ++i) x.push_back(static_cast<float>(i) / 1024);
  const GeluOf gelu(x, Simd::kScalar);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double z = x[i] + 0.25;
    const double scale = std::sqrt(2 / 3.14159265358979323846);
    const double t = std::tanh(scale * (z + 0.044715 * z * z * z));
    const double exact = 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * scale * (1 + 0.134145 * z * z);
    worst =
        std::max(worst, std::abs(gelu.value[i] - 0.5 * z * (1 + t)) / std::max(1.0, std::abs(z)));
    worst = std::max(worst, std::abs(gelu.slope[i] - exact));
  }
  CHECK(worst < 1e-6);
  for (const Simd simd : supported_simd()) {
    INFO(to_string(simd));
    const GeluOf other(x, simd);
    CHECK(same_bits(gelu.value, other.value));
    CHECK(same_bits(gelu.slope, other.slope));
  }
}

TEST_CASE("GELU of what is not a number is not a number", "[kernels]") {
  for (const Simd simd : supported_simd()) {
    const GeluOf gelu(std::vector<float>(19, std::numeric_limits<float>::quiet_NaN()), simd);
    const auto is_nan = [](float v) { return std::isnan(v); };
    CHECK(std::all_of(gelu.value.begin(), gelu.value.end(), is_nan));
    CHECK(std::all_of(gelu.slope.begin(), gelu.slope.end(), is_nan));
  }
}

TEST_CASE("the backward pass of GELU multiplies and sums the columns", "[kernels]") {
  const auto gradient = draws("gradient"), start = draws("bias", kColumns);
  auto slope = draws("slope");
  std::vector<double> sums(start.begin(), start.end());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    sums[i % kColumns] += static_cast<double>(gradient[i]) * slope[i];
  }
  for (const Simd simd : supported_simd()) {
    INFO(to_string(simd));
    auto dx = gradient, dbias = start;
    bias_gelu_backward(matrix(dx), matrix(slope), dbias.data(), simd);
    for (std::size_t i = 0; i < dx.size(); ++i) REQUIRE(dx[i] == gradient[i] * slope[i]);
    CHECK(largest_error(dbias, sums) < 2e-6);
    auto added = start;
    add_column_sums(matrix(dx), added.data(), simd);
    CHECK(same_bits(added, dbias));
    std::vector<float> filled(dx.size());
    fill_rows(start.data(), matrix(filled), simd);
    for (std::size_t i = 0; i < filled.size(); ++i) REQUIRE(filled[i] == start[i % kColumns]);
  }
}

struct CrossEntropyOf {
  std::vector<float> gradient;
  std::vector<double> losses = std::vector<double>(kRows);

  CrossEntropyOf(std::vector<float> logits, Simd simd) : gradient(std::move(logits)) {
    const std::vector<std::int64_t> targets{0, 82, 40, 81, 1};
    cross_entropy(matrix(gradient), targets.data(), 0.5f, losses.data(), simd);
  }
};

TEST_CASE("cross-entropy and its gradient are those of their formula", "[kernels]") {
  auto logits = draws("logits");
  for (std::size_t j = 0; j < kColumns; ++j) logits[j] *= 40;  // hardly a doubt in the first row
  const CrossEntropyOf scalar(logits, Simd::kScalar);
  const std::size_t targets[] = {0, 82, 40, 81, 1};
  for (std::size_t r = 0; r < kRows; ++r) {
    const float* row = logits.data() + r * kColumns;
    const double largest = *std::max_element(row, row + kColumns);
    double sum = 0;
    for (std::size_t j = 0; j < kColumns; ++j) sum += std::exp(row[j] - largest);
    CHECK(scalar.losses[r] ==
          Approx(std::log(sum) + largest - row[targets[r]]).epsilon(1e-6).margin(1e-6));
    for (std::size_t j = 0; j < kColumns; ++j) {
      const double exact = std::exp(row[j] - largest) / sum - (j == targets[r] ? 1 : 0);
      REQUIRE(std::abs(scalar.gradient[r * kColumns + j] - 0.5 * exact) < 1e-6);
    }
  }
  for (const Simd simd : supported_simd()) {
    INFO(to_string(simd));
    const CrossEntropyOf other(logits, simd);
    CHECK(same_bits(scalar.gradient, other.gradient));
    CHECK(scalar.losses == other.losses);
  }
}

TEST_CASE("one logit that is not finite makes its row's loss NaN and no other", "[kernels]") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t column : {0, 33, 82}) {
      auto logits = draws("logits");
      logits[2 * kColumns + column] = bad;
      for (const Simd simd : supported_simd()) {
        const CrossEntropyOf result(logits, simd);
        for (std::size_t r = 0; r < kRows; ++r) CHECK(std::isnan(result.losses[r]) == (r == 2));
      }
    }
  }
}

// Softmax of the second part of the positions: row r sees all but the last kRows - 1 - r columns.
struct CausalSoftmaxOf {
  static constexpr float kScale = 0.3f;

  std::vector<float> weights, again, gradient;
  std::vector<float> log_sums = std::vector<float>(kRows);

  CausalSoftmaxOf(const std::vector<float>& scores, const std::vector<float>& d_weights, Simd simd)
      : weights(scores), again(scores), gradient(d_weights) {
    causal_softmax(matrix(weights), kScale, log_sums.data(), simd);
    causal_softmax_backward(matrix(again), matrix(gradient), kScale, log_sums.data(), simd);
  }
};

TEST_CASE("a causal softmax and its gradient are those of their formula", "[kernels]") {
  auto scores = draws("scores");
  for (std::size_t j = 0; j < kColumns; ++j) scores[j] *= 100;  // hardly a doubt in the first row
  const auto d_weights = draws("d weights");
  const CausalSoftmaxOf scalar(scores, d_weights, Simd::kScalar);
  std::vector<double> weights(scores.size(), 0.0), gradient(scores.size(), 0.0);
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::size_t first = r * kColumns, end = first + kColumns - (kRows - 1 - r);
    double sum = 0, mean = 0;
    for (std::size_t i = first; i < end; ++i) {
      weights[i] = std::exp(double{CausalSoftmaxOf::kScale} * scores[i]);
      sum += weights[i];
    }
    for (std::size_t i = first; i < end; ++i) {
      weights[i] /= sum;
      mean += weights[i] * d_weights[i];
    }
    for (std::size_t i = first; i < end; ++i) {
      gradient[i] = weights[i] * (d_weights[i] - mean) * double{CausalSoftmaxOf::kScale};
    }
    CHECK(scalar.log_sums[r] == Approx(std::log(sum)).epsilon(1e-6));
  }
  CHECK(largest_error(scalar.weights, weights) < 1e-6);
  CHECK(largest_error(scalar.again, weights) < 2e-5);  // in the first row log_sum is about 70
  CHECK(largest_error(scalar.gradient, gradient) < 2e-6);
  for (const Simd simd : supported_simd()) {
    INFO(to_string(simd));
    const CausalSoftmaxOf other(scores, d_weights, simd);
    CHECK(same_bits(scalar.weights, other.weights));
    CHECK(same_bits(scalar.again, other.again));
    CHECK(same_bits(scalar.gradient, other.gradient));
    CHECK(same_bits(scalar.log_sums, other.log_sums));
  }
}

TEST_CASE("a causal softmax ignores what it masks, whatever it is", "[kernels]") {
  const auto scores = draws("scores"), d_weights = draws("d weights");
  auto masked = scores;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t i = (r + 1) * kColumns - (kRows - 1 - r); i < (r + 1) * kColumns; ++i) {
      masked[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  for (const Simd simd : supported_simd()) {
    INFO(to_string(simd));
    const CausalSoftmaxOf plain(scores, d_weights, simd), other(masked, d_weights, simd);
    CHECK(same_bits(plain.weights, other.weights));
    CHECK(same_bits(plain.gradient, other.gradient));
  }
}

TEST_CASE("one score that is not finite makes its row of weights NaN and no other", "[kernels]") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t column : {0, 33, 80}) {
      auto scores = draws("scores");
      scores[2 * kColumns + column] = bad;
      for (const Simd simd : supported_simd()) {
        const CausalSoftmaxOf result(scores, draws("d weights"), simd);
        for (std::size_t r = 0; r < kRows; ++r) {
          CHECK(std::isnan(result.weights[r * kColumns]) == (r == 2));
          CHECK(std::isnan(result.gradient[r * kColumns]) == (r == 2));
        }
      }
    }
  }
}

}  // namespace
}  // namespace strait
