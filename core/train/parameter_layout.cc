#include "core/train/parameter_layout.h"

#include <xxhash.h>

#include <utility>

#include "core/base/check.h"

namespace strait {
namespace {

constexpr std::int64_t kAlignment = 64 / sizeof(float);

std::int64_t aligned(std::int64_t elements) {
  return (elements + kAlignment - 1) / kAlignment * kAlignment;
}

// Every field goes in as bytes of a fixed width, texts behind their length, so that no two layouts
// give the same bytes.
void append(std::string& bytes, std::int64_t value) {
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(value >> shift));
}

void append(std::string& bytes, const std::string& text) {
  append(bytes, static_cast<std::int64_t>(text.size()));
  bytes += text;
}

}  // namespace

void ParameterLayout::add(std::string name, std::vector<std::int64_t> shape, int layer,
                          bool decayed) {
  std::int64_t size = 1;
  for (const std::int64_t extent : shape) {
    STRAIT_CHECK(extent > 0, "parameter {} has an extent of {}", name, extent);
    size *= extent;
  }
  STRAIT_CHECK(parameters_.empty() || parameters_.back().layer <= layer,
               "parameter {} of layer {} comes after layer {}", name, layer,
               parameters_.back().layer);
  for (const Parameter& other : parameters_) {
    STRAIT_CHECK(other.name != name, "parameter {} was added twice", name);
  }
  parameters_.push_back({.name = std::move(name),
                         .shape = std::move(shape),
                         .offset = size_,
                         .size = size,
                         .layer = layer,
                         .decayed = decayed});
  size_ += aligned(size);
  count_ += size;
}

const Parameter& ParameterLayout::at(std::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return parameter;
  }
  check_failed(__FILE__, __LINE__, "the parameter exists", fmt::format("no parameter {}", name));
}

std::uint64_t ParameterLayout::hash() const {
  std::string bytes;
  for (const Parameter& parameter : parameters_) {
    append(bytes, parameter.name);
    append(bytes, static_cast<std::int64_t>(parameter.shape.size()));
    for (const std::int64_t extent : parameter.shape) append(bytes, extent);
    append(bytes, parameter.offset);
    append(bytes, std::int64_t{parameter.layer});
    append(bytes, std::int64_t{parameter.decayed});
  }
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace strait
