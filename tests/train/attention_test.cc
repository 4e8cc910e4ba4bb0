// Products and attention against the textbook's sums in double.
#include "core/train/tasks/attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/train/tasks/threads.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

// rms(values - exact) / rms(exact)
double relative_error(Matrix<const float> values, const std::vector<double>& exact) {
  REQUIRE(std::ssize(exact) == values.rows * values.columns);
  double error = 0, size = 0;
  for (std::int64_t r = 0; r < values.rows; ++r) {
    for (std::int64_t c = 0; c < values.columns; ++c) {
      const double right = exact[static_cast<std::size_t>(r * values.columns + c)];
      error += std::pow(values.data[r * values.stride + c] - right, 2);
      size += right * right;
    }
  }
  return size > 0 ? std::sqrt(error / size) : std::sqrt(error);
}

double at(const Factor& m, std::int64_t r, std::int64_t c) {
  return m.transposed ? m.matrix.data[c * m.matrix.stride + r]
                      : m.matrix.data[r * m.matrix.stride + c];
}

TEST_CASE("a product is the sum of products, of parts and transposes too", "[product]") {
  constexpr std::int64_t kStride = 23;
  const auto left = normal_floats(20 * kStride, 1), right = normal_floats(20 * kStride, 2);
  for (const bool flip_left : {false, true}) {
    for (const bool flip_right : {false, true}) {
      for (const Into into : {Into::kOverwrite, Into::kAdd}) {
        INFO(flip_left << flip_right << (into == Into::kAdd));
        // [7, 11] x [11, 5], whichever way they lie
        const Matrix<const float> a{left.data() + 3, flip_left ? 11 : 7, flip_left ? 7 : 11,
                                    kStride};
        const Matrix<const float> b{right.data() + 4, flip_right ? 5 : 11, flip_right ? 11 : 5,
                                    kStride};
        const Factor x(a, flip_left), y(b, flip_right);
        auto memory = normal_floats(7 * 9, 3);
        const auto before = memory;
        const Matrix<float> out{memory.data() + 2, 7, 5, 9};
        std::vector<double> exact;
        for (std::int64_t r = 0; r < 7; ++r) {
          for (std::int64_t c = 0; c < 5; ++c) {
            double sum = into == Into::kAdd ? out.data[r * 9 + c] : 0;
            for (std::int64_t k = 0; k < 11; ++k) sum += at(x, r, k) * at(y, k, c);
            exact.push_back(sum);
            if (into == Into::kOverwrite) {
              out.data[r * 9 + c] = std::numeric_limits<float>::quiet_NaN();
            }
          }
        }
        product(x, y, into, out);
        CHECK(relative_error(out, exact) < 1e-6);
        for (std::size_t i = 0; i < memory.size(); ++i) {  // nothing beside it
          const bool inside = i % 9 >= 2 && i % 9 < 7;
          if (!inside) REQUIRE(memory[i] == before[i]);
        }
      }
    }
  }
}

TEST_CASE("a product of sizes that do not fit is refused", "[product]") {
  const auto values = normal_floats(64, 1);
  std::vector<float> out(64);
  const Matrix<const float> a{values.data(), 3, 4, 4}, b{values.data(), 5, 2, 2};
  CHECK_THROWS_WITH(product(a, b, Into::kOverwrite, {out.data(), 3, 2, 2}),
                    Catch::Contains("[3, 2] = [3, 4] x [5, 2]"));
}

struct Exact {
  std::vector<double> mixed, dq, dk, dv;
};

// One head's [context, size] parts lie in the columns of a matrix of width 3 x size + 5.
Exact exact_attention(const HeadViews<const float>& head, Matrix<const float> d_mixed) {
  const std::int64_t context = head.q.rows, size = head.q.columns;
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  const auto n = static_cast<std::size_t>(context * size);
  Exact exact{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n),
              std::vector<double>(n)};
  const auto dot = [&](Matrix<const float> a, std::int64_t i, Matrix<const float> b,
                       std::int64_t j) {
    double sum = 0;
    for (std::int64_t c = 0; c < size; ++c) {
      sum += static_cast<double>(a.data[i * a.stride + c]) * b.data[j * b.stride + c];
    }
    return sum;
  };
  const auto add = [&](std::vector<double>& to, std::int64_t i, double factor,
                       Matrix<const float> from, std::int64_t j) {
    for (std::int64_t c = 0; c < size; ++c) {
      to[static_cast<std::size_t>(i * size + c)] += factor * from.data[j * from.stride + c];
    }
  };
  for (std::int64_t i = 0; i < context; ++i) {
    std::vector<double> weight, d_weight;
    double sum = 0, mean = 0;
    for (std::int64_t j = 0; j <= i; ++j) {
      weight.push_back(std::exp(scale * dot(head.q, i, head.k, j)));
      sum += weight.back();
    }
    for (std::int64_t j = 0; j <= i; ++j) {
      double& w = weight[static_cast<std::size_t>(j)];
      w /= sum;
      d_weight.push_back(dot(d_mixed, i, head.v, j));
      mean += w * d_weight.back();
    }
    for (std::int64_t j = 0; j <= i; ++j) {
      const double w = weight[static_cast<std::size_t>(j)];
      const double d_score = w * (d_weight[static_cast<std::size_t>(j)] - mean) * scale;
      add(exact.mixed, i, w, head.v, j);
      add(exact.dv, j, w, d_mixed, i);
      add(exact.dq, i, d_score, head.k, j);
      add(exact.dk, j, d_score, head.q, i);
    }
  }
  return exact;
}

void compare(std::int64_t context, std::int64_t size) {
  INFO("context " << context << ", head size " << size);
  const std::int64_t stride = 3 * size + 5;
  const auto qkv = normal_floats(context * stride, 5);
  const auto d_mixed_values = normal_floats(context * size, 6);
  const auto columns = [&](auto* data) {
    const auto part = [&](std::int64_t i) {
      return Matrix<std::remove_pointer_t<decltype(data)>>{data + i * size, context, size, stride};
    };
    return HeadViews<std::remove_pointer_t<decltype(data)>>{part(0), part(1), part(2)};
  };
  const auto head = columns(qkv.data());
  const Matrix<const float> d_mixed{d_mixed_values.data(), context, size, size};

  const float untouched = 77;
  std::vector<float> mixed_values(static_cast<std::size_t>(context * size), untouched);
  std::vector<float> gradients(qkv.size(), untouched);
  std::vector<float> log_sums(static_cast<std::size_t>(context));
  std::vector<float> scratch(static_cast<std::size_t>(attention_scratch(context)));
  const Matrix<float> mixed{mixed_values.data(), context, size, size};
  attend(head, mixed, log_sums.data(), scratch.data());
  const auto gradient = columns(gradients.data());
  attend_backward(head, log_sums.data(), d_mixed, gradient, scratch.data());

  const Exact exact = exact_attention(head, d_mixed);
  CHECK(relative_error(mixed, exact.mixed) < 1e-6);
  CHECK(relative_error(gradient.q, exact.dq) < 2e-6);
  CHECK(relative_error(gradient.k, exact.dk) < 2e-6);
  CHECK(relative_error(gradient.v, exact.dv) < 2e-6);
  for (std::int64_t i = 0; i < context * stride; ++i) {  // nothing beside them
    if (i % stride >= 3 * size) REQUIRE(gradients[static_cast<std::size_t>(i)] == untouched);
  }
}

TEST_CASE("attention and its gradients are those of their formula", "[attention]") {
  set_intra_op_threads(1);
  // Less than the queries taken at once, as many, one more, and several times as many with a rest.
  for (const std::int64_t context : {1, 2, 63, 64, 65, 200}) {
    for (const std::int64_t size : {1, 5, 32}) compare(context, size);
  }
}

}  // namespace
}  // namespace strait
