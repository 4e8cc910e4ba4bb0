// What islands and the coordinator say to each other about rounds, and islands to each other about
// what they missed. Packed with wire.h's Writer, the kind first; all of them name round and epoch
// where it matters, so that a late message is known for what it is, and all may be said again.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/comm/collective.h"
#include "core/comm/stream.h"
#include "core/comm/wire.h"

namespace strait {

// ---------------------------------------------------------------------------------------------
// Island to coordinator (TagPlane::kMember)

/// A sign of life.
struct HeartbeatMessage {};

/// I have reached the boundary of this round; my shared parameters are those of the round before.
struct ReadyMessage {
  std::uint32_t round = 0;
  double weight = 0;              // before it is normalised; 0: nothing to contribute
  std::uint64_t shared_hash = 0;  // of the shared parameters that the contribution refers to
};

/// How the exchange ended here.
struct ReportMessage {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  bool completed = false;
  bool gave_up = false;        // I take no part in this round any more
  FailureKind kind{};          // if it was not completed
  PeerId blamed = PeerId{-1};  // whom I could not reach, if it was one
  std::string why;
};

/// I have caught up to the round before, take no part in this one, and need not be waited for.
struct SitOutMessage {
  std::uint32_t round = 0;
};

/// I am catching up: which round was committed last, and who has it?
struct WhereMessage {
  std::uint32_t round = 0;  // of the shared parameters that I have
};

/// I leave for good.
struct LeaveMessage {};

/// I have not heard of this peer for long, or (refused) nobody listens there any more.
struct SuspectMessage {
  PeerId peer{};
  bool refused = false;
};

using MemberMessage = std::variant<HeartbeatMessage, ReadyMessage, ReportMessage, SitOutMessage,
                                   WhereMessage, LeaveMessage, SuspectMessage>;

// ---------------------------------------------------------------------------------------------
// Coordinator to island (TagPlane::kCoordinator)

/// These exchange now. Ends every attempt of a lower epoch.
struct RosterMessage {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  Roster roster;
};

/// Once for all members of (round, epoch). An abort is followed by another attempt.
struct VerdictMessage {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  bool commit = false;
  std::string why;  // of an abort
};

/// This round is closed, or will be, without you.
struct MissedMessage {
  std::uint32_t round = 0;
  std::uint32_t committed = 0;  // the last committed round
};

/// Answers WhereMessage.
struct HereMessage {
  std::uint32_t committed = 0;
  std::vector<IslandId> donors;  // have committed it, as far as known; not the one that asks
};

/// The run cannot go on, for anybody.
struct FailedMessage {
  FailureKind kind{};
  std::string why;
};

using CoordinatorMessage =
    std::variant<RosterMessage, VerdictMessage, MissedMessage, HereMessage, FailedMessage>;

// ---------------------------------------------------------------------------------------------
// Island to island (TagPlane::kAsk and kGive); see catch_up.h

/// What a donor gives, cut into the pieces that follow, one message each.
struct GiveMessage {
  enum class Kind : std::uint8_t { kNothing, kMeans, kState };
  struct Piece {
    std::uint32_t buffer = 0;  // of means: which round after `from`; of the state: which buffer
    std::int64_t begin = 0;    // element
    std::int64_t end = 0;
    std::int64_t bytes = 0;
    std::uint8_t codec = 0;  // place in codec_names()
    friend bool operator==(const Piece&, const Piece&) = default;
  };

  std::uint32_t ask = 0;
  Kind kind = Kind::kNothing;
  std::uint32_t from = 0;     // means: the round before the first
  std::uint32_t round = 0;    // what it leads to
  std::uint32_t skipped = 0;  // pieces that are not sent, since the asker has them
  std::vector<Piece> pieces;
};

struct AskMessage {
  std::uint32_t number = 0;  // of this asker's asks
  std::uint32_t from = 0;    // the round of its shared parameters
  // What it has of an offer that another donor could not finish.
  GiveMessage::Kind have = GiveMessage::Kind::kNothing;
  std::uint32_t have_round = 0;
  std::uint32_t have_pieces = 0;
  /// So many of the state, at most, and no means; 0: what leads there from `from`.
  std::uint32_t buffers = 0;
};

// ---------------------------------------------------------------------------------------------

Slice pack(const MemberMessage& message);
Slice pack(const CoordinatorMessage& message);
Slice pack(const AskMessage& message);
Slice pack(const GiveMessage& message);

/// A failure (kMismatch) if the bytes are no such message.
Outcome<MemberMessage> unpack_member(const Slice& bytes);
Outcome<CoordinatorMessage> unpack_coordinator(const Slice& bytes);
Outcome<AskMessage> unpack_ask(const Slice& bytes);
Outcome<GiveMessage> unpack_give(const Slice& bytes);

}  // namespace strait
