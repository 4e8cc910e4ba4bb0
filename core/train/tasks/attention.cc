#include "core/train/tasks/attention.h"

#include <algorithm>
#include <cmath>

#include "core/train/tasks/gpt_kernels.h"

namespace strait {
namespace {

// Measured with gpt_bench: fewer make small products, more compute what the mask hides.
constexpr std::int64_t kQueriesAtOnce = 64;

float scale_of(const HeadViews<const float>& head) {
  return 1.0f / std::sqrt(static_cast<float>(head.q.columns));
}

}  // namespace

std::int64_t attention_scratch(std::int64_t context) {
  return 2 * std::min(kQueriesAtOnce, context) * context;
}

void attend(const HeadViews<const float>& head, Matrix<float> mixed, float* log_sums,
            float* scratch) {
  const std::int64_t context = head.q.rows;
  for (std::int64_t begin = 0; begin < context; begin += kQueriesAtOnce) {
    const std::int64_t end = std::min(begin + kQueriesAtOnce, context);
    const Matrix<float> scores{scratch, end - begin, end, end};
    product(head.q.rows_of(begin, end), transposed(head.k.rows_of(0, end)), Into::kOverwrite,
            scores);
    causal_softmax(scores, scale_of(head), log_sums + begin);
    product(scores, head.v.rows_of(0, end), Into::kOverwrite, mixed.rows_of(begin, end));
  }
}

void attend_backward(const HeadViews<const float>& head, const float* log_sums,
                     Matrix<const float> d_mixed, const HeadViews<float>& gradient,
                     float* scratch) {
  const std::int64_t context = head.q.rows;
  // From the last queries, which see all keys and so write where the others add.
  Into into = Into::kOverwrite;
  for (std::int64_t end = context; end > 0;) {
    const std::int64_t begin = (end - 1) / kQueriesAtOnce * kQueriesAtOnce;
    const Matrix<float> weights{scratch, end - begin, end, end};
    const Matrix<float> d_weights{scratch + weights.rows * end, weights.rows, end, end};
    const auto q = head.q.rows_of(begin, end);
    const auto k = head.k.rows_of(0, end);
    const auto d_rows = d_mixed.rows_of(begin, end);
    product(q, transposed(k), Into::kOverwrite, weights);
    product(d_rows, transposed(head.v.rows_of(0, end)), Into::kOverwrite, d_weights);
    causal_softmax_backward(weights, d_weights, scale_of(head), log_sums + begin);
    product(transposed(weights), d_rows, into, gradient.v.rows_of(0, end));
    product(transposed(d_weights), q, into, gradient.k.rows_of(0, end));
    product(d_weights, k, Into::kOverwrite, gradient.q.rows_of(begin, end));
    into = Into::kAdd;
    end = begin;
  }
}

}  // namespace strait
