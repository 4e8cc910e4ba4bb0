// What a run prints while it runs: a banner, one line per round, and on a terminal a bar.
//
// The lines are stable, so that logs can be compared; the bar is drawn with '\r' on terminals only
// and never reaches a file. Thread: the owner's.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "core/base/wall_clock.h"

namespace strait {

struct BannerSection {
  std::string title;
  std::vector<std::pair<std::string, std::string>> lines;  // key, value
};

/// Sections with their lines; the values of each start in one column.
std::string banner_text(const std::vector<BannerSection>& sections);

struct RoundLine {
  std::string arm;
  std::int64_t round = 0;
  std::int64_t rounds = 0;  // of the whole run
  std::int64_t step = 0;
  double loss = 0;                      // mean training loss of the round, nats per token
  std::optional<double> bits_per_byte;  // on held-out text, where it was evaluated
  Nanos virtual_time{0};
  Bytes sent = 0;  // by all islands so far
  int members = 0;
};

/// Columns as in round_line(), without the end of line.
std::string round_titles();
std::string round_line(const RoundLine& line);

/// Whether bars can be drawn there: a dumb terminal cannot move its cursor.
bool is_terminal(std::FILE* file);

class Progress {
 public:
  /// `terminal`: is_terminal(out), or what a test wants. `out` outlives this.
  Progress(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Prints text and an end of line, and flushes: a log can be followed.
  void line(std::string_view text);

  /// Draws or redraws the bar below the last line, with the time that is left if the rest is as
  /// fast as what the bars of this label have shown; does nothing without a terminal.
  void bar(std::string_view label, std::int64_t done, std::int64_t total);

  /// Takes the bar away.
  void clear();

 private:
  void put(std::string_view text);
  std::string time_left(std::string_view label, std::int64_t done, std::int64_t total);

  std::FILE* out_;
  bool terminal_;
  std::string drawn_;  // the bar that is on the screen
  std::string label_;  // of the last bar
  std::int64_t first_ = 0;
  WallTimer since_first_;
};

}  // namespace strait
