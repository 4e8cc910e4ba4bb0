// How a message's tag is made up: [plane 4][fragment 6][round 24][epoch 16][piece 14], highest
// first.
//
// A tag of an exchange names exactly one message between two peers, so tags never have to be told
// apart by time: later exchanges of a fragment have larger tags. Control tags are used again and
// again; there the order of the messages counts.
// Values only, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "core/comm/wire.h"

namespace strait {

enum class TagPlane : std::uint64_t {
  kContribution = 1,  // to the owner of a shard (two_phase), to everybody (gather)
  kResult = 2,        // the owner's mean of its shard
  kStart = 3,         // parameters and optimizer state after pretraining
  kCatchUp = 4,       // means of missed rounds and snapshots; `round` counts the requests
  kMember = 8,        // island to coordinator: round_messages.h
  kCoordinator = 9,   // coordinator to island
  kAsk = 10,          // island to island: catch_up.h
  kGive = 11,         // its answer
  kNews = 12,         // island to coordinator, for people: news.h
  kNewsHeard = 13,    // coordinator to island
};

struct TagFields {
  TagPlane plane{};
  std::uint64_t fragment = 0;
  std::uint64_t round = 0;
  std::uint64_t epoch = 0;
  std::uint64_t piece = 0;
};

/// Messages of one exchange between two peers, at most.
inline constexpr std::uint64_t kMostPieces = 1 << 14;

inline Tag make_tag(const TagFields& f) {
  STRAIT_CHECK(
      f.fragment < 64 && f.round < (1u << 24) && f.epoch < (1u << 16) && f.piece < kMostPieces,
      "no tag for fragment {}, round {}, epoch {}, piece {}", f.fragment, f.round, f.epoch,
      f.piece);
  return static_cast<Tag>(f.plane) << 60 | f.fragment << 54 | f.round << 30 | f.epoch << 14 |
         f.piece;
}

/// Plane and fragment: tags of one group are in the order of (round, epoch), as exchanges are.
constexpr std::uint64_t group_of(Tag tag) { return tag >> 54; }

/// What all messages of an exchange have in common, contributions and means; in the order of
/// (round, epoch) for one fragment.
constexpr std::uint64_t exchange_of(Tag tag) {
  constexpr Tag kMean = static_cast<Tag>(TagPlane::kResult), kPart = kMean - 1;
  static_assert(kPart == static_cast<Tag>(TagPlane::kContribution));
  return (tag >> 60 == kMean ? tag - (Tag{1} << 60) : tag) >> 14;
}

/// "exchange 7 of fragment 0", for people.
std::string describe(Tag tag);

/// Of exchanges: which attempt the message belongs to.
constexpr std::uint64_t epoch_of(Tag tag) { return (tag >> 14) & 0xffff; }

/// The first tag of the group that belongs to no exchange up to this one.
inline Tag after_exchange(TagFields f) {
  f.piece = 0;
  return make_tag(f) + kMostPieces;
}

/// Control messages share a few tags; all others are used once.
constexpr bool is_control(Tag tag) { return (tag >> 60) >= 8; }

}  // namespace strait
