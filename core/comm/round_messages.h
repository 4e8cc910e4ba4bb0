// What islands and the coordinator say to each other about a round. Packed with wire.h's Writer;
// all of them name the round and the epoch, so that a late message is known for what it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/comm/collective.h"
#include "core/comm/stream.h"
#include "core/comm/wire.h"

namespace strait {

/// Island to coordinator: I have reached the boundary.
struct ReadyMessage {
  std::uint32_t round = 0;
  double weight = 0;              // before it is normalised; 0: nothing to contribute
  std::uint64_t shared_hash = 0;  // of the shared parameters that the contribution refers to
};

/// Coordinator to island: these exchange now.
struct RosterMessage {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  Roster roster;
};

/// Island to coordinator: how the exchange ended here.
struct ReportMessage {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  bool completed = false;
  std::string why;  // if it did not
};

/// Coordinator to island: once for all.
struct VerdictMessage {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  bool commit = false;
  std::string why;  // of an abort
};

Slice pack(const ReadyMessage& message);
Slice pack(const RosterMessage& message);
Slice pack(const ReportMessage& message);
Slice pack(const VerdictMessage& message);

/// A failure (kMismatch) if the bytes are no such message.
Outcome<ReadyMessage> unpack_ready(const Slice& bytes);
Outcome<RosterMessage> unpack_roster(const Slice& bytes);
Outcome<ReportMessage> unpack_report(const Slice& bytes);
Outcome<VerdictMessage> unpack_verdict(const Slice& bytes);

}  // namespace strait
