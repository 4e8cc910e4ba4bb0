// A disk that is full at each kind of file: exit code 2, one line, and nothing half-written under a
// final name.
#include "tests/process/program.h"

namespace strait {
namespace {

/// Enough rounds that the journal is larger than the settings, the metrics larger than the journal,
/// and the ledger larger than all.
const Words kLong{"run", scenario("quadratic"), "--rounds", "120", "--run.inner_steps", "1"};

/// Without the columns and fields that differ between repeats of a run.
std::string repeatable(const std::string& name, const std::string& text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    std::string line = text.substr(at, end - at);
    at = end;
    if (name.ends_with("metrics.csv")) {  // wall_s and wall_late_s
      for (int column = 0; column < 2; ++column) line.resize(line.rfind(','));
    }
    if (line.find("wall") != std::string::npos || line.find("cpu") != std::string::npos ||
        line.find("transport and emulator") != std::string::npos) {
      continue;
    }
    kept += line + '\n';
  }
  return kept;
}

/// What is there under a final name is as long as in a complete run, and says the same. The journal
/// is no such file: it grows by whole records.
void check_nothing_cut(const std::map<std::string, std::string>& files,
                       const std::map<std::string, std::string>& complete) {
  for (const auto& [name, text] : files) {
    CAPTURE(name);
    CHECK(name.find(".tmp-") == std::string::npos);
    REQUIRE(complete.count(name) == 1);
    const std::string& whole = complete.at(name);
    if (name.ends_with("journal.txt")) {
      CHECK(whole.starts_with(text));
      CHECK((text.empty() || text.back() == '\n'));
    } else if (name.ends_with("verdict.json")) {
      CHECK(text.starts_with("{"));
      CHECK(text.ends_with("}\n"));
    } else {
      CHECK(repeatable(name, text) == repeatable(name, whole));
    }
  }
}

constexpr const char* kFix =
    ": File too large; raise the limit (ulimit -f) or give another folder with run.out";

/// The disk takes files up to just below the size of `file`, which is the first of that size.
void check_full_at(const Words& run, const std::string& file) {
  const TemporaryFolder whole, folder;
  REQUIRE(run_strait(run, {.folder = whole.path()}).code == 0);
  const auto complete = files_in(whole.path());
  const std::string path = complete.begin()->first;  // runs/NAME-001/...
  const std::string name = path.substr(0, path.find('/', path.find('/') + 1) + 1) + file;
  REQUIRE(complete.count(name) == 1);
  constexpr std::size_t kDigits = 64;  // by which numbers of wall seconds may differ
  const rlim_t size = complete.at(name).size() - std::min(complete.at(name).size(), kDigits);
  const Ended ended = run_strait(run, {.folder = folder.path(), .largest_file = size});
  CAPTURE(name, size);
  CHECK(ended.code == 2);
  CHECK(only_line(ended) == "cannot write " + name + kFix);
  const auto files = files_in(folder.path());
  check_nothing_cut(files, complete);
  CHECK((file == "journal.txt" || files.count(name) == 0));
}

TEST_CASE("a full disk before the run is told in one line", "[process]") {
  check_full_at({"run", scenario("quadratic"), "--rounds", "1"}, "config.resolved.ini");
}

TEST_CASE("a full disk at the journal ends the run and keeps whole records", "[process]") {
  check_full_at(kLong, "journal.txt");
}

TEST_CASE("a full disk at the metrics leaves none of them", "[process]") {
  check_full_at(kLong, "metrics.csv");
}

TEST_CASE("a full disk at the ledger leaves none of it", "[process]") {
  check_full_at(kLong, "ledger.csv");
}

TEST_CASE("a full disk at the verdict leaves none of it", "[process]") {
  // Without a scenario, whose path would make the settings the largest file; the model is smaller.
  check_full_at({"run", "--task.name", "quadratic", "--network.kind", "pipe", "--pretrain.steps",
                 "0", "--rounds", "1", "--quadratic.size", "128"},
                "verdict.json");
}

}  // namespace
}  // namespace strait
