// CatchUp: how an island gets what it missed, and how it gives it to others.
//
// The asker learns from the coordinator which round was committed last and who has it (`where`,
// `here`). It asks a donor (kAsk) and is told what comes (kGive): the encoded means of the missed
// rounds, if the donor still has all of them and they are fewer bytes than a copy of the state,
// else a copy of the state, made at that instant. Then it fetches the pieces, one message each, on
// data tags of its own. A donor that dies, or is silent for too long, is replaced by the next one;
// pieces of the same rounds (or of the state after the same round) are kept, since all islands have
// the same bits. Nothing is read from another island's memory. Counted as catch-up.
//
// The coordinator of real islands asks, too, for a copy of the state that it keeps on its disk.
//
// Bytes: for a missed round what its mean took on the wire, for a snapshot 4 bytes per float of
// shared parameters and outer state. One round trip to the coordinator, one to the donor.
//
// Thread: the loop's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/comm/codec.h"
#include "core/comm/round_messages.h"
#include "core/comm/transport.h"

namespace strait {

/// Everything that islands have in common after a round: the shared parameters first, then the
/// outer optimizer's buffers, without padding.
struct SharedState {
  std::vector<std::vector<float>> buffers;
};

/// What leads from one round's shared state to a later one's.
struct CaughtUp {
  std::uint32_t from = 0;
  std::uint32_t round = 0;                // the state is that after this round, once applied
  std::vector<std::vector<float>> means;  // replay: of rounds from + 1 ... round, in order
  std::optional<SharedState> state;       // snapshot, instead
};

struct StateCopy {
  std::uint32_t round = 0;  // after which it was that
  SharedState state;
};

/// The mean of a committed round as it travelled.
struct KeptMean {
  struct Piece {
    std::int64_t begin = 0;  // element
    std::int64_t end = 0;
    const Codec* codec = nullptr;  // lives as long as the collective
    Slice bytes;
  };
  std::uint32_t round = 0;
  std::vector<Piece> pieces;  // they cover the whole buffer

  void sort();  // by begin: the same order on all islands
  Bytes bytes() const;
  std::vector<float> decoded() const;
};

struct CatchUpOptions {
  int keep = 4;                         // rounds
  Bytes piece_bytes = 256 * 1024;       // of a snapshot
  Nanos donor_timeout{30'000'000'000};  // without a sign of life from the donor
};

class CatchUp final : private SessionWatcher {
 public:
  CatchUp(Transport& transport, CatchUpOptions options);
  ~CatchUp() override;
  CatchUp(const CatchUp&) = delete;
  CatchUp& operator=(const CatchUp&) = delete;

  // The donor's side.
  void keep(KeptMean mean);
  void serve(std::function<SharedState()> copy) { copy_ = std::move(copy); }
  void state_changes() { state_round_.reset(); }
  void state_is(std::uint32_t round);

  // The asker's side, one at a time.
  Async<Outcome<CaughtUp>> run(std::uint32_t from);
  /// For who is no island: a copy of the first `buffers` of the state after a round later than
  /// `from`, from the first of `donors` that gives it; the last one's failure if none does.
  Async<Outcome<StateCopy>> copy(std::vector<PeerId> donors, std::uint32_t from,
                                 std::uint32_t buffers);
  /// Since when the coordinator is asked who has what; nothing while it is not.
  std::optional<Nanos> asks_since() const;
  void on_here(const HereMessage& message);
  void fail(const Failure& failure);  // nobody can go on

 private:
  /// What an asker has of one offer.
  struct Haul {
    GiveMessage offer;
    std::vector<Slice> pieces;  // the first ones, in order
  };

  // Donor
  void on_ask(PeerId from, const Slice& message);
  void answer(PeerId to, const AskMessage& ask);
  const KeptMean* kept(std::uint32_t round) const;
  bool has_means(std::uint32_t from, std::uint32_t to) const;
  void give_means(PeerId to, const AskMessage& ask);
  void give_state(PeerId to, const AskMessage& ask);
  void give(PeerId to, const AskMessage& ask, GiveMessage offer, const std::vector<Slice>& pieces);

  // Asker
  Async<HereMessage> where();
  void reachable_first(std::vector<PeerId>& donors) const;
  std::vector<PeerId> in_turn(const std::vector<IslandId>& islands) const;
  Async<Outcome<Done>> fetch(PeerId donor, AskMessage ask, Haul& haul);
  Outcome<CaughtUp> unpack(std::uint32_t from, Haul haul);
  void watch_donor();
  void session_opened(PeerId peer) override;
  void session_lost(PeerId peer, const Failure& failure) override;
  void give_up_fetch(const Failure& why);

  Transport& transport_;
  CatchUpOptions options_;

  std::function<SharedState()> copy_;
  std::optional<std::uint32_t> state_round_;             // nothing while it changes
  std::deque<KeptMean> kept_;                            // by round
  std::vector<std::pair<PeerId, AskMessage>> deferred_;  // asked while the state changes

  std::uint32_t from_ = 0;  // what the asker has
  std::uint32_t asks_ = 0;
  std::optional<Promise<HereMessage>> here_;  // while we ask where
  Nanos asked_{0};                            // when we began to wait for it
  struct Fetching {
    PeerId donor{};
    std::uint32_t ask = 0;
    Nanos since{0};
    Promise<Outcome<GiveMessage>> offer;
  };
  std::optional<Fetching> fetching_;
  std::optional<Failure> failed_;
  std::shared_ptr<CatchUp*> alive_;
  Scope scope_;
};

}  // namespace strait
