// Rounds: an island's side of outer steps: what it says to the coordinator, and how it catches up.
//
//   ready  ->  roster  ->  exchange  ->  report  ->  verdict
//
// At a boundary the island hands its outer gradient over (start) and waits once. What comes back
// counts for everybody: the coordinator commits a round once for all, and nobody applies what the
// others did not. An attempt that fails is tried again under a higher epoch, with whoever is left;
// the island does not notice. A round may also close without this island: it has missed it, goes on
// with its own parameters, and catches up (catch_up) at its next boundary.
//
// What this object keeps between calls lives on the loop: the encoded means of the last `keep`
// committed rounds, which it gives to islands that missed them, and a way to copy the shared state
// for those that missed more or join (serve_state). An island that has committed nothing is asked
// for nothing.
//
// The states of a request, each with what is said again when the coordinator is reached again:
//   waiting     has said ready; no roster yet      (ready)
//   exchanging  in the exchange of (round, epoch)  (ready)
//   reported    has completed it, waits for the verdict, applies nothing  (ready, report)
// Without word from the coordinator for `miss_after` the connection to it is dialled anew, and a
// waiting island has missed the round; one that has reported asks on for ever, since the others may
// have applied what it holds.
//
// Ownership: `in` and `out` belong to the round until its ticket is completed, and are free then
// whatever came out. `hold` keeps `in` valid even when the island's thread has died.
// Thread: start(), catch_up() and the posted calls on the island's; all else on the loop.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/comm/catch_up.h"
#include "core/comm/round_messages.h"
#include "core/comm/transport_collective.h"

namespace strait {

struct RoundsOptions {
  int keep = 4;                          // committed means kept for others
  Nanos miss_after{10'000'000'000};      // without word from the coordinator
  Nanos heartbeat{1'000'000'000};        // how often the coordinator hears of us
  Nanos peer_timeout{30'000'000'000};    // an exchange without a sign of life from a member fails
  Nanos connect_timeout{5'000'000'000};  // an exchange with a member that cannot be reached fails
};

struct RoundRequest {
  std::uint32_t round = 0;        // counts from 1: one more than the shared parameters' round
  double weight = 1;              // of the contribution, not normalised; 0: only receive
  std::uint64_t shared_hash = 0;  // all islands must refer to the same shared parameters
  std::span<const float> in;      // the outer gradient
  std::span<float> out;           // the mean; counts after a commit
  std::shared_ptr<const void> hold = {};  // keeps `in`'s memory valid; null: the caller sees to it
};

enum class RoundEnd {
  kCommitted,  // `out` is the mean: take the outer step
  kMissed,     // the round was closed, or will be, without this island; `out` means nothing
};

struct RoundResult {
  RoundEnd end = RoundEnd::kCommitted;
  std::uint32_t round = 0;      // of the request
  std::uint32_t epoch = 0;      // of the commit
  std::uint32_t committed = 0;  // the last committed round, as far as known
  Roster roster;                // of the commit: who took part with which weight
};

class Rounds final : private SessionWatcher {
 public:
  Rounds(Clock& clock, Transport& transport, TransportCollective& collective,
         RoundsOptions options = {});
  ~Rounds() override;
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  /// One request at a time. kAborted: the run cannot go on for anybody (no finite contribution,
  /// shared parameters that differ, a peer that talks nonsense), with the coordinator's reason.
  Ticket<Outcome<RoundResult>> start(const RoundRequest& request);

  /// Fetches what leads from the shared parameters after round `from` to those after the last
  /// committed round: either the means of the rounds between, or a copy of the state. Tries the
  /// donors in turn for as long as it takes; an empty answer (round == from) says that nothing was
  /// missed. kAborted as above.
  Ticket<Outcome<CaughtUp>> catch_up(std::uint32_t from);

  /// The island has caught up to `round` - 1 and takes no part in `round`: nobody waits for it.
  void sit_out(std::uint32_t round);

  /// The island leaves for good: nobody waits for it from now on.
  void leave();

  // What others may get of us. The island says so around each change of its shared state, and may
  // change it, or let the old one go, when the call returns:
  //   serve_state(copy)   once; `copy` is called on the loop, only between updated() and updating()
  //                       (empty: from now on nothing is given)
  //   updating()          from now on the state is being changed
  //   updated(round)      the state is that after `round`
  //   retire(round, s)    the island ends; `s` is its last state, served from now on
  void serve_state(std::function<SharedState()> copy);
  void updating();
  void updated(std::uint32_t round);
  void retire(std::uint32_t round, SharedState state);

 private:
  enum class Stage { kWaiting, kExchanging, kReported };

  struct Request;  // what is asked for, and how far it is
  struct Lease;    // of its buffers

  /// How long a member is silent now and then, as seen in exchanges.
  struct Silence {
    Nanos heard{0};
    Nanos longest{0};
    bool told = false;
  };

  void session_opened(PeerId peer) override;
  void session_lost(PeerId peer, const Failure& failure) override;

  void begin(std::shared_ptr<Request> request);
  void end(Outcome<RoundResult> outcome);
  void miss(std::uint32_t committed);
  void have(std::uint32_t round);
  void enter(Stage stage);
  Async<Done> exchange(std::shared_ptr<Lease> lease, RosterMessage open);
  void break_off(PeerId blamed, Failure why);

  void heard(const Slice& message);
  void on(const RosterMessage& open);
  void on(const VerdictMessage& verdict);
  void on(const MissedMessage& message);
  void on(const HereMessage& message);
  void on(const FailedMessage& message);

  void say(const MemberMessage& message);
  void report(const ReportMessage& message);
  void say_where_we_are();
  void beat();
  void watch_coordinator();
  void dial_anew_if_silent(Nanos since);
  void watch_members();
  void watch_readers();
  void leave_behind(const Roster& now);
  Nanos patience(PeerId peer, Nanos since);

  Clock& clock_;
  Transport& transport_;
  TransportCollective& collective_;
  RoundsOptions options_;
  std::shared_ptr<Request> request_;  // null between requests
  std::shared_ptr<Lease> lease_;      // of request_
  std::weak_ptr<Lease> read_;         // of the last request: decided, but somebody may still read
  std::uint32_t given_up_ = 0;        // the round that we take no part in, between requests
  CatchUp catch_up_;                  // both sides of catching up
  std::optional<Failure> failed_;     // the run cannot go on
  std::map<PeerId, Silence> silences_;
  Nanos pinged_{0};
  TimerId heartbeat_ = TimerId::kNone;
  std::shared_ptr<Rounds*> alive_;
  Scope scope_;
  std::optional<Scope> attempt_;  // the exchange, if one runs
};

}  // namespace strait
