#include "core/base/permutation.h"

#include <cmath>

#include "core/base/check.h"

namespace strait {
namespace {

/// Every bit of the result depends on every bit of `x` (the end of MurmurHash3).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
  return x ^ (x >> 33);
}

/// The least r with r * r >= n.
std::uint64_t root_of(std::uint64_t n) {
  auto r = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n)));
  while (r * r < n) ++r;
  while (r > 1 && (r - 1) * (r - 1) >= n) --r;
  return r;
}

}  // namespace

Permutation::Permutation(std::int64_t n, Rng rng) : size_(static_cast<std::uint64_t>(n)) {
  STRAIT_CHECK(n > 0 && n <= std::int64_t{1} << 62, "a permutation of {}", n);
  rows_ = root_of(size_);
  columns_ = (size_ + rows_ - 1) / rows_;
  for (auto& key : keys_) key = rng.next();
}

std::uint64_t Permutation::shuffle(std::uint64_t place) const {
  std::uint64_t row = place / columns_, column = place % columns_;
  for (std::size_t round = 0; round < keys_.size(); round += 2) {
    row = (row + mix(column ^ keys_[round]) % rows_) % rows_;
    column = (column + mix(row ^ keys_[round + 1]) % columns_) % columns_;
  }
  return row * columns_ + column;
}

std::int64_t Permutation::operator()(std::int64_t i) const {
  auto place = static_cast<std::uint64_t>(i);
  STRAIT_CHECK(place < size_, "place {} of {}", i, size_);
  do {
    place = shuffle(place);
  } while (place >= size_);
  return static_cast<std::int64_t>(place);
}

}  // namespace strait
