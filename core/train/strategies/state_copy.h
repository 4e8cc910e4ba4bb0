// What an island gives to others that have missed something: copies of flat buffers, without their
// padding, and the way back. Thread: that of the buffers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/comm/catch_up.h"
#include "core/comm/rounds.h"
#include "core/train/parameter_layout.h"

namespace strait {

/// Each as long as the layout.
using FlatBuffers = std::vector<std::span<float>>;

SharedState copy_state(const ParameterLayout& layout, const FlatBuffers& from);

/// Throws RunFailed if what a donor gave is not of this layout and number of buffers.
void check_given(const CaughtUp& given, const ParameterLayout& layout, std::size_t buffers);

/// The copy is of as many buffers of the same layout.
void restore_state(const SharedState& copy, const ParameterLayout& layout, const FlatBuffers& to);

/// What a life gives to others while it lives. A life that fails takes it back before its buffers
/// go: on the wall clock the loop runs on until it hears of the failure. Thread: the island's.
class ServedState {
 public:
  ServedState() = default;
  ~ServedState() {
    if (rounds_ != nullptr) rounds_->serve_state({});
  }
  ServedState(const ServedState&) = delete;
  ServedState& operator=(const ServedState&) = delete;

  /// `copy` is called on the loop, as Rounds::serve_state says.
  void serve(Rounds& rounds, std::function<SharedState()> copy) {
    rounds_ = &rounds;
    rounds.serve_state(std::move(copy));
  }

  /// From now on `last` is given, also when this life is over. Nothing if nothing is served.
  void retire(std::uint32_t round, SharedState last) {
    if (rounds_ != nullptr) std::exchange(rounds_, nullptr)->retire(round, std::move(last));
  }

 private:
  Rounds* rounds_ = nullptr;
};

}  // namespace strait
