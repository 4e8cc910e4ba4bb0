#include "core/train/strategies/state_copy.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/train/packed.h"

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
