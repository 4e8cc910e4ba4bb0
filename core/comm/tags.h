// How a message's tag is made up: [plane 4][fragment 8][round 28][epoch 8][piece 16], highest
// first.
//
// A tag of an exchange names exactly one message between two peers, so tags never have to be told
// apart by time. Control tags are used again and again; there the order of the messages counts.
// Values only, any thread.
#pragma once

#include <cstdint>

#include "core/base/check.h"
#include "core/comm/wire.h"

namespace strait {

enum class TagPlane : std::uint64_t {
  kContribution = 1,  // to the owner of a shard (two_phase), to everybody (gather)
  kResult = 2,        // the owner's mean of its shard
  kStart = 3,         // parameters and optimizer state after pretraining
  kReady = 8,         // island to coordinator
  kRoster = 9,        // coordinator to island
  kReport = 10,       // island to coordinator
  kVerdict = 11,      // coordinator to island
};

struct TagFields {
  TagPlane plane{};
  std::uint64_t fragment = 0;
  std::uint64_t round = 0;
  std::uint64_t epoch = 0;
  std::uint64_t piece = 0;
};

inline Tag make_tag(const TagFields& f) {
  STRAIT_CHECK(f.fragment < 256 && f.round < (1u << 28) && f.epoch < 256 && f.piece < (1u << 16),
               "no tag for fragment {}, round {}, epoch {}, piece {}", f.fragment, f.round, f.epoch,
               f.piece);
  return static_cast<Tag>(f.plane) << 60 | f.fragment << 52 | f.round << 24 | f.epoch << 16 |
         f.piece;
}

/// The tags that agree with `value` in the bits of `mask`.
struct TagSet {
  Tag value = 0;
  Tag mask = 0;

  bool contains(Tag tag) const { return (tag & mask) == value; }
};

/// All pieces of one plane of an exchange.
inline TagSet every_piece(TagFields f) {
  f.piece = 0;
  return {make_tag(f), ~Tag{0xffff}};
}

/// Control messages share a few tags; all others are used once.
constexpr bool is_control(Tag tag) { return (tag >> 60) >= 8; }

}  // namespace strait
