// Coordinator: the control plane of rounds, outside the data path.
//
// Peer 0, event code like everything else, so emulated links delay what it hears and says. A state
// machine with two states:
//
//   gathering   collects who is ready for the next round. The roster closes when all live islands
//               are ready, or a quorum is and the grace window, which began with the quorum, has
//               passed. Round 1 waits until as many islands as configured have shown up.
//   exchanging  a roster is out, under an epoch of its own. All members report completion: the
//               round is committed, durable in the journal before anybody hears of it. One cannot,
//               or is expelled: the attempt is aborted, the epoch rises, and those who are ready
//               try again; the contributions they hold still stand.
//
// An island is suspected after `suspect_after` without a word (shown, changes nothing), and
// expelled after `peer_timeout`; sooner if it has started anew, if its session was lost and did not
// come back within a third of that, or if the session was lost and somebody's dial to it was
// refused. What it says later makes it live again. A member that others cannot reach although we
// hear of it is left out of the round after `patience` attempts, so that one broken path does not
// stop the rest.
//
// It can be restarted: a new one with the same journal goes on under higher epochs; islands say
// again where they are when they reach it. A commit that was durable is told to its members then.
//
// Ends the run for everybody (FailedMessage) when no later attempt could succeed: shared parameters
// that differ, messages that contradict each other, nobody with anything finite to contribute, or a
// committed state that no island has any more.
//
// Thread: the loop's. Transport, storage, ledger and trace outlive it. A disk that refuses ends the
// run with a StorageError, before anybody hears of a commit.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/storage.h"
#include "core/comm/journal.h"
#include "core/comm/members.h"
#include "core/comm/transport.h"

namespace strait {

struct CoordinatorOptions {
  int islands = 1;      // that there may be
  int first_round = 0;  // that round 1 waits for; 0: all
  int quorum = 0;       // that close a round after the grace window; 0: only all live ones do
  Nanos grace{10'000'000'000};
  Nanos suspect_after{3'000'000'000};
  Nanos peer_timeout{30'000'000'000};
  int patience = 2;                // attempts before a member is left out
  Nanos retry_after{500'000'000};  // doubles with each attempt of a round, up to 16 times
  /// A contribution counts only from the state of the round before. So who catches up is waited for
  /// however long it takes, and hears who has the state when no attempt is under way that would
  /// make another one. Without it the others go on meanwhile, and stay ahead where rounds are
  /// short.
  bool lockstep = false;
  std::string journal = "journal.txt";  // the file in `storage`
};

class Coordinator final : private SessionWatcher {
 public:
  /// `storage` holds the journal, `ledger` moves the bytes of aborted attempts. Reads the journal;
  /// serves from now on.
  Coordinator(Transport& transport, Storage& storage, Ledger& ledger, Trace& trace,
              CoordinatorOptions options);
  ~Coordinator() override;
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  std::uint32_t committed_rounds() const { return committed_; }

  /// Why the run cannot go on for anybody; islands have been told.
  const std::optional<Failure>& failure() const { return failed_; }

 private:
  /// A roster that is out.
  struct Attempt {
    Roster roster;
    std::vector<bool> reported;        // by place in the roster
    std::vector<std::uint64_t> lives;  // likewise: who it was
    std::uint64_t shared_hash = 0;
    bool committing = false;  // the journal is being written
  };

  void session_opened(PeerId peer) override;
  void session_lost(PeerId peer, const Failure& failure) override;
  void heard(PeerId from, const Slice& message);

  void on(IslandId island, const HeartbeatMessage&);
  void on(IslandId island, const ReadyMessage& message);
  void on(IslandId island, const ReportMessage& message);
  void on(IslandId island, const SitOutMessage& message);
  void on(IslandId island, const WhereMessage& message);
  void on(IslandId island, const LeaveMessage&);
  void on(IslandId island, const SuspectMessage& message);

  std::uint32_t round() const { return committed_ + 1; }  // that is open
  void be_live(IslandId island);
  void answer_late(IslandId island, std::uint32_t round);
  void answer_where(IslandId island);
  void answer_deferred();
  void try_to_close();
  void try_at(Nanos time);
  bool closes_now(const std::vector<IslandId>& ready);
  std::optional<Failure> why_not(const std::vector<IslandId>& ready) const;
  bool all_receive(const std::vector<IslandId>& ready) const;
  void turn_away(const std::vector<IslandId>& ready);
  void open(const std::vector<IslandId>& ready);
  void commit();
  void tell_commit();
  void abort(const std::string& why, Nanos retry_in);
  void leave_out(IslandId island);
  void check_that_state_is_left();
  void expel(IslandId island, const std::string& why);
  void fail(const Failure& why);
  void tick();
  void tick_in(Nanos delay);
  void say(IslandId island, const CoordinatorMessage& message);

  Transport& transport_;
  Ledger& ledger_;
  Trace& trace_;
  CoordinatorOptions options_;
  Journal journal_;
  Members members_;
  std::uint32_t committed_ = 0;  // rounds whose commit is durable
  std::uint32_t epoch_ = 0;
  std::optional<Attempt> attempt_;  // while exchanging
  int attempts_ = 0;                // that failed in this round
  bool turned_away_ = false;        // those who only receive, in this round
  Nanos retry_at_{0};
  Nanos began_{0};
  std::optional<Nanos> quorum_since_;  // of this round
  std::optional<Nanos> others_since_;  // since when only those are awaited who are catching up
  std::optional<Failure> failed_;
  std::shared_ptr<Coordinator*> alive_;  // timers that come too late see null
};

}  // namespace strait
