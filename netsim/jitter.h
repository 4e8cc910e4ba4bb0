// Jitter: how much later or earlier than its delay a link delivers, from moment to moment.
//
// Every 20 ms a value is drawn, evenly between -most and +most, and between two of them the
// difference moves on a straight line: what follows closely is delayed alike, as on a real path,
// whose jitter comes from queues that grow and shrink. It depends on the time only, not on who
// sends: another flow changes nothing about it. Its standard deviation is 0.47 of `most`.
//
// Integers only. Links keep what they deliver of a flow in order, however steep the line is.
#pragma once

#include <string>
#include <string_view>

#include "core/base/units.h"

namespace strait {

class Jitter {
 public:
  static constexpr Nanos kStep{20'000'000};

  /// None.
  Jitter() = default;
  /// Keyed by the link's name.
  Jitter(Nanos most, std::uint64_t seed, std::string_view link);

  bool none() const { return most_ == Nanos{0}; }

  /// From -most to +most. Cheap if asked in the order of time, nearly.
  Nanos at(Nanos time);

 private:
  Nanos drawn(std::int64_t step) const;

  Nanos most_{0};
  std::uint64_t seed_ = 0;
  std::string purpose_;
  std::int64_t step_ = -1;  // between the draws `from_` and `to_`
  Nanos from_{0}, to_{0};
};

}  // namespace strait
