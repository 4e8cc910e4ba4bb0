// Flat buffers as named tensors of a safetensors file, and back. Names and shapes are the layout's,
// behind a prefix; the padding between parameters is left out. Thread: any.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/train/parameter_layout.h"
#include "core/train/safetensors.h"

namespace strait {

/// Views into `flat`, which is as long as the layout.
std::vector<SafetensorsEntry> named_tensors(const ParameterLayout& layout,
                                            std::span<const float> flat,
                                            const std::string& prefix = {});

/// Throws UserError naming file and tensor if one is missing, or not F32 of the layout's shape;
/// both shapes are named. What else is in the file is not looked at.
void read_named_tensors(const Safetensors& file, const ParameterLayout& layout,
                        std::span<float> flat, const std::string& prefix = {});

/// "[2, 3]"
std::string to_string(const std::vector<std::int64_t>& shape);

}  // namespace strait
