// Handout: one island gives buffers to all others once, so that all start from the same state
// (parameters and optimizer state after pretraining). Counted with cause `start`.
//
// For S bytes and k islands the giver sends (k-1) S over its own link: it happens once, and the
// simple way needs no third party.
//
// Thread: the islands'; the work is done on the loop.
#pragma once

#include <span>
#include <vector>

#include "core/base/ticket.h"
#include "core/comm/transport.h"

namespace strait {

class Handout {
 public:
  Handout(Clock& clock, Transport& transport) : clock_(clock), transport_(transport) {}

  /// Done when `buffers` are the caller's again (everything has left; not: has arrived).
  Ticket<Outcome<Done>> give(const std::vector<std::span<const float>>& buffers,
                             const std::vector<PeerId>& to);

  /// Fills `buffers` (the same number and lengths as the giver's; others are a mismatch). After a
  /// failure their contents mean nothing.
  Ticket<Outcome<Done>> take(PeerId from, const std::vector<std::span<float>>& buffers);

 private:
  Clock& clock_;
  Transport& transport_;
  Scope scope_;
};

}  // namespace strait
