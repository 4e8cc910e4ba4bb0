// Commands that run as processes inside a lab, all at once, with their output line by line behind
// their names.
//
// Each is the first of a process group: when the commands have ended, or were stopped, what they
// have left in the background ends too. Thread: the owner's, one for all of this.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

#include "apps/lab/lab.h"
#include "core/base/owned_file.h"

namespace strait {

/// Ctrl+C and SIGTERM, as something to wait for, while it lives. Made before any other thread,
/// which would take the signal and end the program; commands have the signals as they were before.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  int file() const { return file_.get(); }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
  OwnedFile file_;  // a signalfd
};

struct LabCommand {
  PeerId peer{};
  std::vector<std::string> words;  // at least one
};

/// "0", "1", ... or "coordinator".
std::string lab_name(PeerId peer);

/// Runs the commands, each in its peer's host, with STRAIT_LAB_ISLAND (lab_name),
/// STRAIT_LAB_ISLANDS (their number), STRAIT_LAB_ADDRESS (its own) and STRAIT_LAB_COORDINATOR (the
/// coordinator's) in the environment. Returns when all have ended: empty if well, else what ended
/// first and how. The first that fails stops the others, as Ctrl+C does: SIGINT, and SIGKILL five
/// seconds later or at the second Ctrl+C. UserError if a command cannot be started; then none runs
/// any more.
std::string run_commands(const Lab& lab, const std::vector<LabCommand>& commands,
                         const Interrupts& interrupts);

}  // namespace strait
