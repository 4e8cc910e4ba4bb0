// Names of the link model's parts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strait {

/// Links of a path, at most.
inline constexpr std::size_t kMaxHops = 4;

enum class LinkId : std::uint32_t {};  // a directed link, numbered in the order of creation
enum class FlowId : std::uint32_t {};  // one direction of a connection; reused once it is forgotten

constexpr std::uint32_t index_of(LinkId link) { return static_cast<std::uint32_t>(link); }
constexpr std::uint32_t index_of(FlowId flow) { return static_cast<std::uint32_t>(flow); }

}  // namespace strait
