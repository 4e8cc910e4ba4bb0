#include "core/train/strategies/state_copy.h"

#include <algorithm>
#include <string>

#include "core/base/check.h"
#include "core/train/packed.h"
#include "core/train/strategy.h"

namespace strait {

SharedState copy_state(const ParameterLayout& layout, const FlatBuffers& from) {
  SharedState copy;
  for (const auto buffer : from) {
    Packed packed(layout, buffer);
    packed.gather();
    copy.buffers.emplace_back(packed.values().begin(), packed.values().end());
  }
  return copy;
}

void check_given(const CaughtUp& given, const ParameterLayout& layout, std::size_t buffers) {
  const auto fits = [&](const std::vector<float>& values) {
    return std::ssize(values) == layout.count();
  };
  const bool means = std::all_of(given.means.begin(), given.means.end(), fits);
  const bool state =
      !given.state || (given.state->buffers.size() == buffers &&
                       std::all_of(given.state->buffers.begin(), given.state->buffers.end(), fits));
  if (means && state) return;
  throw RunFailed("round " + std::to_string(given.from + 1) +
                  ": what a donor gave is of another model");
}

void restore_state(const SharedState& copy, const ParameterLayout& layout, const FlatBuffers& to) {
  STRAIT_CHECK(copy.buffers.size() == to.size(), "a state of {} buffers instead of {}",
               copy.buffers.size(), to.size());
  for (std::size_t b = 0; b < to.size(); ++b) {
    Packed packed(layout, to[b]);
    STRAIT_CHECK(copy.buffers[b].size() == packed.values().size(),
                 "a buffer of {} floats instead of {}", copy.buffers[b].size(),
                 packed.values().size());
    std::copy(copy.buffers[b].begin(), copy.buffers[b].end(), packed.values().begin());
    packed.scatter();
  }
}

}  // namespace strait
