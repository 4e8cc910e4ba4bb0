#include "core/train/tasks/matrix.h"

#include <limits>

#include "core/base/check.h"

// BLAS, which libtorch_cpu brings along. Called directly, without LibTorch's dispatch: one head's
// product of attention takes some microseconds.
extern "C" void sgemm_(const char* trans_a, const char* trans_b, const int* m, const int* n,
                       const int* k, const float* alpha, const float* a, const int* lda,
                       const float* b, const int* ldb, const float* beta, float* c, const int* ldc);

namespace strait {
namespace {

int blas_size(std::int64_t size) {
  STRAIT_CHECK(size > 0 && size <= std::numeric_limits<int>::max(), "a matrix's side of {}", size);
  return static_cast<int>(size);
}

const char* how(const Factor& factor) { return factor.transposed ? "T" : "N"; }

}  // namespace

void product(const Factor& a, const Factor& b, Into into, Matrix<float> out) {
  STRAIT_CHECK(a.rows() == out.rows && a.columns() == b.rows() && b.columns() == out.columns,
               "[{}, {}] = [{}, {}] x [{}, {}]", out.rows, out.columns, a.rows(), a.columns(),
               b.rows(), b.columns());
  // BLAS takes columns first: a row-major matrix is its own transpose there, and out' = b' a'.
  const int m = blas_size(out.columns), n = blas_size(out.rows), k = blas_size(a.columns());
  const int lda = blas_size(a.matrix.stride), ldb = blas_size(b.matrix.stride),
            ldc = blas_size(out.stride);
  const float one = 1, beta = into == Into::kAdd ? 1 : 0;
  sgemm_(how(b), how(a), &m, &n, &k, &one, b.matrix.data, &ldb, a.matrix.data, &lda, &beta,
         out.data, &ldc);
}

}  // namespace strait
