// Supervisor: the processes of a run on one machine. Starts them, prints what they print line by
// line with a prefix, and sees to it that none outlives it.
//
// Thread: the caller's, which waits in run().
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace strait {

class Supervisor {
 public:
  Supervisor() = default;
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Starts this program anew with `words`. With a `label` each of its lines is printed behind
  /// "label | "; without, it prints to this terminal itself, and run() returns when it has ended.
  /// `inherits`: a descriptor that it keeps.
  void start(const std::string& label, const std::vector<std::string>& words,
             std::optional<int> inherits = std::nullopt);

  /// Until the process without a label has ended, and then the others; those that do not end by
  /// themselves are ended. Ctrl+C, which they all hear, is waited out. Returns the exit code: of
  /// the first, or 1 if another one failed.
  int run();

 private:
  struct Child {
    std::string label;
    pid_t pid = -1;
    int output = -1;  // its lines, if it is labelled
    std::string line;
    bool ended = false;
    int status = 0;
  };

  void read_lines(Child& child);
  void reap();
  void report(const Child& child) const;
  bool main_ended() const;
  bool all_ended() const;
  void signal_all(int signal);

  std::vector<Child> children_;
};

}  // namespace strait
