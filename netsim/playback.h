// LinkPlayback: what measured traces and random outages do to the links, as one sequence of changes
// in the order of time. Without end, if there is any.
//
// Pure: it is asked when the next change comes, and for the change. A trace holds from its first
// repetition on; a link whose rate or delay a trace does not give keeps it.
#pragma once

#include <optional>
#include <vector>

#include "netsim/description.h"
#include "netsim/keyed_heap.h"
#include "netsim/outages.h"

namespace strait {

/// What changes at one moment: some of these, on all of `links`.
struct LinkChange {
  Nanos time{0};
  std::vector<int> links;
  std::optional<bool> up{};
  std::optional<BytesPerSecond> rate{};
  std::optional<Nanos> delay{};
};

class LinkPlayback {
 public:
  explicit LinkPlayback(const NetworkDescription& description);

  /// kNever if nothing is left.
  Nanos next() const { return times_.top_time(); }

  /// Takes the next change; there must be one. Changes of one time come traces first, both in the
  /// order of the description.
  LinkChange take();

 private:
  struct Trace {
    LinkTrace trace;
    std::size_t row = 0;
    Nanos repetition{0};  // when the present one began

    Nanos next() const { return repetition + trace.rows[row].time; }
    LinkChange take();
  };

  struct Outages {
    std::vector<int> links;
    OutageGenerator generator;
    OutageGenerator::Toggle next;
  };

  std::vector<Trace> traces_;
  std::vector<Outages> outages_;
  KeyedHeap times_;  // by place in traces_, then in outages_
};

}  // namespace strait
