// What a run has left in its folder, read back for the report. Throws UserError, one line with the
// file and, where there is one, the line: for a folder that is no run, and for files that are
// missing or damaged.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/output/metrics_csv.h"
#include "core/base/units.h"

namespace strait {

/// What bytes were for, as verdict.json and ledger.csv call it.
inline constexpr std::array<std::string_view, 6> kCauseNames{"payload",  "start",   "aborted",
                                                             "catch_up", "control", "framing"};
using BytesByCause = std::array<Bytes, kCauseNames.size()>;

/// What islands do, as timeline.csv calls it.
inline constexpr std::array<std::string_view, 4> kStateNames{"compute", "wait", "down", "away"};

struct StateSpan {
  int island = 0;
  int state = 0;  // of kStateNames
  Nanos begin{0};
  Nanos end{0};
};

struct LinkUse {
  std::string name;
  std::optional<BytesPerSecond> configured;  // none: without limit, or not known
  Bytes payload = 0, headers = 0, acks = 0, again = 0, background = 0;
  Bytes delivered = 0, dropped = 0, lost = 0;
  Nanos busy{0};
};

struct RunEvent {
  Nanos time{0};
  std::string kind, subject;
};

struct RunArm {
  std::string name;
  int islands = 0;
  std::int64_t inner_steps = 0;  // per round
  Nanos time{0};                 // on the network
  double waiting_s = 0;          // mean over islands
  double final_loss = 0;         // held out; NaN if it was never evaluated
  std::vector<MetricsRow> rows;
  BytesByCause bytes{};
  std::vector<LinkUse> links;
  std::vector<RunEvent> events;
  std::vector<StateSpan> timeline;
};

struct RunSetting {
  std::string key, value, origin;
};

struct RunFiles {
  std::string folder;
  std::string name;  // of the folder
  std::string scenario, time, settings_hash, data;
  std::uint64_t seed = 0;
  bool text = false;  // losses are of bytes of text, so that bits per byte mean something
  std::vector<RunArm> arms;
  std::vector<RunSetting> settings;  // all
  std::string version;               // version.txt
};

RunFiles read_run(const std::string& folder);

}  // namespace strait
