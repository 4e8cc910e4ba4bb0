// What an island gives to others that have missed something: copies of flat buffers, without their
// padding, and the way back. Thread: that of the buffers.
#pragma once

#include <span>
#include <vector>

#include "core/comm/catch_up.h"
#include "core/train/parameter_layout.h"

namespace strait {

/// Each as long as the layout.
using FlatBuffers = std::vector<std::span<float>>;

SharedState copy_state(const ParameterLayout& layout, const FlatBuffers& from);

/// Throws RunFailed if what a donor gave is not of this layout and number of buffers.
void check_given(const CaughtUp& given, const ParameterLayout& layout, std::size_t buffers);

/// The copy is of as many buffers of the same layout.
void restore_state(const SharedState& copy, const ParameterLayout& layout, const FlatBuffers& to);

}  // namespace strait
