// LinkPlayback: what measured traces, random outages and others' traffic do to the links, as one
// sequence of changes in the order of time. Without end, unless there are only traces that do not
// begin anew.
//
// Pure: it is asked when the next change comes, and for the change. A trace holds from its first
// repetition on; a link whose rate, delay or loss a trace does not give keeps it.
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
  std::optional<std::int64_t> loss_ppm{};
  Bytes transfer = 0;  // that others begin
};

class LinkPlayback {
 public:
  explicit LinkPlayback(const NetworkDescription& description);

  /// kNever if nothing is left.
  Nanos next() const { return times_.top_time(); }

  /// Takes the next change; there must be one. Changes of one time come traces first, then outages,
  /// then others' traffic, each in the order of the description.
  LinkChange take();

 private:
  struct Trace {
    LinkTrace trace;
    std::size_t row = 0;
    Nanos repetition{0};  // when the present one began

    /// kNever when a trace that is played once is over.
    Nanos next() const {
      return row < trace.rows.size() ? repetition + trace.rows[row].time : kNever;
    }
    LinkChange take();
  };

  struct Outages {
    std::vector<int> links;
    OutageGenerator generator;
    OutageGenerator::Toggle next;
  };

  struct Background {
    LinkBackground what;
    Rng rng;
    Nanos next{0};

    void move_on();
    LinkChange take();
  };

  std::vector<Trace> traces_;
  std::vector<Outages> outages_;
  std::vector<Background> background_;
  KeyedHeap times_;  // by place in traces_, then in outages_, then in background_
};

}  // namespace strait
