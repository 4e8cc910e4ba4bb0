// Members: what the coordinator knows of each island. State and questions about it; no messages, no
// timers.
//
// An island is live from its first word on, until it leaves or is expelled; the others wait for who
// is live. What it says afterwards makes it live again. `connected` says only whether there is a
// session.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/comm/round_messages.h"

namespace strait {

struct Member {
  bool seen = false;  // has been live in this run, or has left before it was
  bool left = false;  // in this life; what it still says brings it back to no round
  bool live = false;
  bool connected = false;
  bool suspect = false;
  bool came_back = false;             // has asked since it last took part; may only receive
  bool lacks = false;                 // the last state, and was told of nobody who has it
  bool turned_away = false;           // from the open round, and has not asked since
  bool catching_up = false;           // not waited for beyond the grace window
  bool asks = false;                  // is answered when the attempt is over, expelled or not
  std::uint64_t life = 0;             // incarnation of the session
  Nanos lost_at{0};                   // when the session was lost
  std::uint32_t has = 0;              // the round of the shared state it has, as far as known
  std::optional<ReadyMessage> ready;  // for the round that is open
  std::uint32_t sits_out = 0;         // a round that it takes no part in
  int blamed = 0;                     // in this round: how often others could not reach it
  bool left_out = false;              // of this round, for that
};

class Members {
 public:
  explicit Members(int islands) : members_(static_cast<std::size_t>(islands)) {}

  int count() const { return static_cast<int>(members_.size()); }
  Member& operator[](IslandId island) { return members_.at(static_cast<std::size_t>(island)); }
  const Member& operator[](IslandId island) const {
    return members_.at(static_cast<std::size_t>(island));
  }
  bool has(IslandId island) const { return island >= 0 && island < count(); }

  int seen() const;

  /// Has a contribution or wants one, and can be reached.
  bool can_join(IslandId island) const;
  std::vector<IslandId> ready() const;

  /// Live, and expected in `round`, but not ready yet. With `patient`, also who is catching up.
  bool somebody_is_awaited(std::uint32_t round, bool patient) const;

  /// Live islands that have the state after `round`, without `asker`.
  std::vector<IslandId> holders(std::uint32_t round, IslandId asker) const;

  /// The one among `roster` that most others could not reach, the last of equals.
  std::optional<IslandId> most_blamed(const Roster& roster) const;

  /// A round is over, or a new one begins.
  void next_round();

  /// Not waited for any more; what it said about the round is forgotten.
  void retire(IslandId island);

 private:
  std::vector<Member> members_;
};

/// Weights as every island will use them: normalised in double, rounded once.
Roster normalise(const Members& members, const std::vector<IslandId>& islands);

}  // namespace strait
