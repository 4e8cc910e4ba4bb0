// Causal self-attention of one head over one sequence, on the CPU, and its gradients.
//
// A few queries at a time against all keys up to theirs: their scores stay in the cache, what the
// mask would hide is mostly not computed, and nothing of size T x T is kept: the backward pass
// computes the scores again (Dao et al. 2022, section 3.1; with whole rows at a time the softmax
// needs no running maximum).
#pragma once

#include <cstdint>

#include "core/train/tasks/matrix.h"

namespace strait {

/// Of one head: [T, head size] each, columns of wider matrices.
template <class T>
struct HeadViews {
  Matrix<T> q, k, v;
};

/// Floats of scratch memory that a call for `context` tokens needs.
std::int64_t attention_scratch(std::int64_t context);

/// mixed: [T, head size] = softmax(q k' / sqrt(head size), causal) v. log_sums: one float per
/// query, for the backward pass.
void attend(const HeadViews<const float>& head, Matrix<float> mixed, float* log_sums,
            float* scratch);

/// Overwrites `gradient` with the gradients of q, k and v, given that of `mixed`.
void attend_backward(const HeadViews<const float>& head, const float* log_sums,
                     Matrix<const float> d_mixed, const HeadViews<float>& gradient, float* scratch);

}  // namespace strait
