// Journal: what the coordinator must not forget: which rounds were committed, by whom, and which
// epochs were used.
//
//   start epoch=4
//   commit round=3 epoch=0 before=<hash of the shared parameters> members=0,1,2
//   abort round=4 epoch=0
//
// A line is durable before anybody hears of what it says. Whoever opens a journal that is there
// goes on from it: a last line that a crash has torn is dropped. Another line that cannot be read
// is the user's to mend (UserError with file and line).
//
// Thread: the owner's. Errors: StorageError from the disk.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/storage.h"

namespace strait {

class Journal {
 public:
  struct Commit {
    std::uint32_t epoch = 0;
    std::vector<IslandId> members;  // in order
    bool has(IslandId island) const;
  };

  /// Locks the file, reads it, and repairs its end.
  Journal(Storage& storage, std::string file);

  std::uint32_t committed() const { return static_cast<std::uint32_t>(commits_.size()); }
  /// Rounds count from 1. Null if it was not committed.
  const Commit* commit_of(std::uint32_t round) const;
  /// The first epoch that was never used.
  std::uint32_t next_epoch() const { return next_epoch_; }

  // Each returns when the line is durable, with the virtual time that this takes (Storage::sync).
  Nanos start(std::uint32_t epoch);
  Nanos commit(Commit commit, std::uint64_t shared_hash);  // of the next round
  Nanos abort(std::uint32_t round, std::uint32_t epoch);

 private:
  void read(const std::string& text);
  void read_line(const std::string& line, int number);
  Nanos write(const std::string& line);

  Storage& storage_;
  std::string file_;
  std::vector<Commit> commits_;  // of rounds 1, 2, ...
  std::uint32_t next_epoch_ = 0;
};

}  // namespace strait
