// The built program as a child process: what a user types, and what comes back.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {

using Words = std::vector<std::string>;

struct Child {
  std::string folder = "/";                        // its current folder
  std::map<std::string, std::string> environment;  // beside this process's own
  std::optional<rlim_t> largest_file;              // a full disk: RLIMIT_FSIZE
};

struct Ended {
  int code = -1;  // 128 + signal if one ended it
  std::string out, err;
};

Ended run_strait(const Words& words, const Child& child = {});

/// The program while it runs; killed with this if nobody has waited for its end.
class RunningStrait {
 public:
  explicit RunningStrait(const Words& words, const Child& child = {});
  ~RunningStrait();
  RunningStrait(const RunningStrait&) = delete;
  RunningStrait& operator=(const RunningStrait&) = delete;

  /// The next line, without its end, of what it prints.
  std::string line() { return next_line(out_); }
  std::string error_line() { return next_line(err_); }

  /// Sends the signal, if one is given, and waits; what no line has taken before. Once.
  Ended end(int signal = 0);

 private:
  static std::string next_line(int pipe);

  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
};

/// The path of the program.
std::string program();

/// Paths in the repository.
std::string scenario(const std::string& name);
std::string ground_truth(const std::string& name);
std::string script(const std::string& name);

Words operator+(Words words, const Words& more);

/// The files below `folder`, by their paths in it.
std::map<std::string, std::string> files_in(const std::string& folder);

/// "strait: ..." without the program's name, if that is all there is; else everything, marked.
std::string only_line(const Ended& ended);

/// The line of a mistake that was found before anything was printed, trained or made.
std::string mistake(const Words& words, const Child& child);

/// All rows; with LibTorch, which takes 0.3 s to load at each start, some of them (the builds
/// without it have the same program otherwise).
template <class Row>
std::vector<Row> affordable(const std::vector<Row>& rows) {
#ifdef STRAIT_WITH_TORCH
  std::vector<Row> some;
  for (std::size_t i = 0; i < rows.size(); i += 8) some.push_back(rows[i]);
  return some;
#else
  return rows;
#endif
}

}  // namespace strait
