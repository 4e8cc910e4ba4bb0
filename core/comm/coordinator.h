// Coordinator: the control plane of rounds, outside the data path.
//
// Peer 0, event code like everything else, so emulated links delay what it says. It waits until
// every island is ready, closes the roster, hears how the exchange ended on each member, and
// decides commit or abort once for all. A commit is in the journal, synced, before anybody hears of
// it.
//
// In this version the quorum is all islands and an aborted round ends the run: the first bad
// message or report decides, and everybody is told the reason. A disk that refuses ends the run
// with a StorageError, before anybody hears of a commit.
//
// Journal: a line per committed round, "commit round=3 epoch=0 before=<hash of the shared
// parameters> members=0,1,2".
//
// Thread: the loop's. Transport, storage, ledger and trace outlive it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/storage.h"
#include "core/comm/round_messages.h"
#include "core/comm/tags.h"
#include "core/comm/transport.h"

namespace strait {

struct CoordinatorOptions {
  int islands = 1;
  std::string journal = "journal.txt";  // the file in `storage`
};

class Coordinator {
 public:
  /// `storage` holds the journal, `ledger` moves the bytes of aborted rounds.
  Coordinator(Transport& transport, Storage& storage, Ledger& ledger, Trace& trace,
              CoordinatorOptions options);

  /// Serves rounds 1, 2, ... until the islands are gone.
  void start();

  std::uint32_t committed_rounds() const { return committed_; }

 private:
  Async<Done> serve();
  Async<Outcome<Roster>> gather_ready(std::uint32_t round);
  Async<Outcome<Done>> gather_reports(std::uint32_t round);
  void write_journal(std::uint32_t round, const Roster& roster);
  void tell_all(TagPlane plane, std::uint32_t round, const Slice& message);
  void decide(std::uint32_t round, bool commit, const std::string& why);

  Transport& transport_;
  Storage& storage_;
  Ledger& ledger_;
  Trace& trace_;
  CoordinatorOptions options_;
  std::uint32_t committed_ = 0;
  std::uint64_t shared_hash_ = 0;  // of the round that is open
  Scope scope_;
};

}  // namespace strait
