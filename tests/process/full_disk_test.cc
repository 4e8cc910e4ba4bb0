// A disk that is full at any point: exit code 2, one line, and nothing half-written under a final
// name.
#include "tests/process/program.h"

namespace strait {
namespace {

const Words kRun{"run", scenario("quadratic"), "--rounds", "4", "--run.inner_steps", "2"};

/// Without the columns and fields that differ between repeats of a run.
std::string repeatable(const std::string& name, const std::string& text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    std::string line = text.substr(at, end - at);
    at = end;
    if (name.ends_with("metrics.csv")) line.resize(line.rfind(','));  // wall_s
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

void check_disk_of(const std::vector<rlim_t>& sizes) {
  const TemporaryFolder full;
  REQUIRE(run_strait(kRun, {.folder = full.path()}).code == 0);
  const auto complete = files_in(full.path());
  for (const rlim_t size : sizes) {
    const TemporaryFolder folder;
    const Ended ended = run_strait(kRun, {.folder = folder.path(), .largest_file = size});
    std::size_t largest = 0;
    for (const auto& [name, text] : complete) largest = std::max(largest, text.size());
    CAPTURE(size, largest, ended.err);
    if (size >= largest + 64) {  // numbers of seconds have more or fewer digits
      CHECK(ended.code == 0);
    } else if (size + 64 <= largest) {
      CHECK(ended.code == 2);
      CHECK_THAT(only_line(ended), Catch::StartsWith("cannot write runs/quadratic-001/") &&
                                       Catch::EndsWith(": File too large; raise the limit (ulimit "
                                                       "-f) or give another folder with run.out"));
    }
    check_nothing_cut(files_in(folder.path()), complete);
  }
}

TEST_CASE("a full disk is told in one line and leaves no cut file", "[process]") {
  check_disk_of(affordable<rlim_t>({0, 100, 1024, 2048, 4096, 8192}));
}

#ifndef STRAIT_WITH_TORCH  // 18 starts
TEST_CASE("a disk that is full at each file of a run leaves no cut file", "[process]") {
  const TemporaryFolder full;
  REQUIRE(run_strait(kRun, {.folder = full.path()}).code == 0);
  std::vector<rlim_t> sizes;
  for (const auto& [name, text] : files_in(full.path())) {
    if (text.empty()) continue;
    sizes.push_back(text.size() - 1);
    sizes.push_back(text.size() / 2);
  }
  check_disk_of(sizes);
}
#endif

}  // namespace
}  // namespace strait
