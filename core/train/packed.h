// Packed: what travels of a flat buffer: the parameters without the padding between them.
//
// Where a layout has no padding (that of a GPT of width 128 has none), it is the buffer itself and
// nothing is copied. Thread: that of the flat buffer.
#pragma once

#include <span>

#include "core/train/flat_buffer.h"
#include "core/train/parameter_layout.h"

namespace strait {

class Packed {
 public:
  /// Both outlive this; `flat` is as long as the layout.
  Packed(const ParameterLayout& layout, std::span<float> flat);

  /// layout.count() floats: what is sent, or where what is received goes.
  std::span<float> values() { return packed_.empty() ? flat_ : std::span<float>(packed_); }

  void gather();   // from the flat buffer to values()
  void scatter();  // from values() to the flat buffer

 private:
  const ParameterLayout& layout_;
  std::span<float> flat_;
  FlatBuffer packed_;  // empty if the layout has no padding
};

}  // namespace strait
