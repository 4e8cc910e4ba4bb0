#include "core/train/packed.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

Packed::Packed(const ParameterLayout& layout, std::span<float> flat)
    : layout_(layout), flat_(flat) {
  STRAIT_CHECK(static_cast<std::int64_t>(flat.size()) == layout.size(),
               "a buffer of {} floats for a layout of {}", flat.size(), layout.size());
  if (layout.count() != layout.size()) packed_.resize(static_cast<std::size_t>(layout.count()));
}

void Packed::gather() {
  if (packed_.empty()) return;
  auto to = packed_.begin();
  for (const Parameter& p : layout_.parameters()) {
    to = std::copy_n(flat_.begin() + p.offset, p.size, to);
  }
}

void Packed::scatter() {
  if (packed_.empty()) return;
  auto from = packed_.begin();
  for (const Parameter& p : layout_.parameters()) {
    std::copy_n(from, p.size, flat_.begin() + p.offset);
    from += p.size;
  }
}

}  // namespace strait
