// Views of row-major matrices of floats, and their product. Thread: any.
#pragma once

#include <cstdint>

namespace strait {

template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;  // elements from one row to the next

  operator Matrix<const T>() const { return {data, rows, columns, stride}; }

  Matrix rows_of(std::int64_t begin, std::int64_t end) const {
    return {data + begin * stride, end - begin, columns, stride};
  }
  Matrix columns_of(std::int64_t begin, std::int64_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
};

/// A factor of a product: a matrix, or its transpose without a copy.
struct Factor {
  Factor(Matrix<const float> m) : matrix(m) {}
  Factor(Matrix<float> m) : matrix(m) {}
  Factor(Matrix<const float> m, bool flip) : matrix(m), transposed(flip) {}

  Matrix<const float> matrix;
  bool transposed = false;

  std::int64_t rows() const { return transposed ? matrix.columns : matrix.rows; }
  std::int64_t columns() const { return transposed ? matrix.rows : matrix.columns; }
};

inline Factor transposed(Matrix<const float> m) { return {m, true}; }

enum class Into {
  kOverwrite,  // out = a b; what was there, NaN too, is not read
  kAdd,        // out += a b
};

/// By LibTorch's BLAS (the system's if that exports none), on the calling thread's intra-op
/// threads. `out` overlaps neither factor; sizes that do not fit together are our bug.
void product(const Factor& a, const Factor& b, Into into, Matrix<float> out);

}  // namespace strait
