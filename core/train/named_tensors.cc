#include "core/train/named_tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "core/base/check.h"
#include "core/base/errors.h"

namespace strait {

std::string to_string(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::vector<SafetensorsEntry> named_tensors(const ParameterLayout& layout,
                                            std::span<const float> flat,
                                            const std::string& prefix) {
  STRAIT_CHECK(std::ssize(flat) == layout.size(), "{} floats for a layout of {}", flat.size(),
               layout.size());
  std::vector<SafetensorsEntry> entries;
  for (const Parameter& parameter : layout.parameters()) {
    entries.push_back(f32_entry(prefix + parameter.name, parameter.shape,
                                flat.subspan(static_cast<std::size_t>(parameter.offset),
                                             static_cast<std::size_t>(parameter.size))));
  }
  return entries;
}

void read_named_tensors(const Safetensors& file, const ParameterLayout& layout,
                        std::span<float> flat, const std::string& prefix) {
  STRAIT_CHECK(std::ssize(flat) == layout.size(), "{} floats for a layout of {}", flat.size(),
               layout.size());
  for (const Parameter& parameter : layout.parameters()) {
    const SafetensorsEntry& entry = file.at(prefix + parameter.name);
    if (entry.dtype != "F32") {
      throw UserError(fmt::format("{}: tensor {} is {}; it has to be F32", file.path(), entry.name,
                                  entry.dtype));
    }
    if (entry.shape != parameter.shape) {
      throw UserError(fmt::format("{}: tensor {} is {} where the model has {}", file.path(),
                                  entry.name, to_string(entry.shape), to_string(parameter.shape)));
    }
    if (entry.data.empty()) continue;
    std::memcpy(flat.data() + parameter.offset, entry.data.data(), entry.data.size());
  }
}

}  // namespace strait
