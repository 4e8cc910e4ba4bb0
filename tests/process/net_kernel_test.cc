// strait net validate --kernel: real transfers of this machine's kernel, where it lets us.
#include <fmt/format.h>

#include "core/base/files.h"
#include "core/base/text.h"
#include "tests/process/program.h"

namespace strait {
namespace {

constexpr const char* kShort =
    "id,params,median_s,all_s,wire_bytes,class\n"
    "short,\"{\"\"mbps\"\": 100, \"\"rtt\"\": 20, \"\"nbytes\"\": 1000000}\",0.16,0.16,1084562,"
    "tight\n";

double cell(const std::string& row, std::size_t column) {
  return std::stod(split(row, ',').at(column));
}

/// The row of the case, or nothing if this machine cannot measure, which is said.
std::string measured_row(const TemporaryFolder& folder) {
  const Ended ended = run_strait({"net", "validate", "--cases", "short.csv", "--kernel",
                                  "--repeats", "1", "--write", "measured.csv"},
                                 {.folder = folder.path()});
  if (ended.code == 2) {
    const std::string reason = only_line(ended);
    REQUIRE_THAT(reason, Catch::StartsWith("--kernel: "));
    WARN("SKIPPED, this machine measures no kernel: " << reason);
    return {};
  }
  INFO(ended.out << ended.err);
  REQUIRE(ended.code == 0);
  CHECK(ended.err == "case 1 of 1: short, repetitions: 1\n");
  const auto lines = split(trim(ended.out), '\n');
  REQUIRE(lines.size() >= 4);  // more if the relay was late
  CHECK_THAT(lines[0], Catch::EndsWith("strait_wire_bytes,recorded_s,late_pct"));
  CHECK_THAT(lines[1], Catch::StartsWith("short,"));
  return lines[1];
}

// The bounds are loose, for a busy machine; a relay that was late is no measurement of the kernel.
TEST_CASE("a kernel's transfer is measured and takes about as long as the emulator's",
          "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "short.csv", kShort);
  for (int attempt = 1;; ++attempt) {
    const std::string row = measured_row(folder);
    if (row.empty()) {
      CHECK(files_in(folder.path()).size() == 1);
      return;
    }
    INFO(row);
    const double seconds = cell(row, 2), emulated = cell(row, 3);
    CHECK(seconds > 8e6 / 100e6);  // not faster than the link
    CHECK(cell(row, 5) > 1'000'000);
    CHECK(cell(row, 7) == 0.16);
    const bool near = seconds < 1.3 * emulated && seconds > emulated / 1.3;
    if (!near && attempt < 3) continue;
    CHECK(near);
    break;
  }
  // What was written is a file of cases.
  const Ended again =
      run_strait({"net", "validate", "--cases", "measured.csv"}, {.folder = folder.path()});
  CHECK(again.code == 0);
  CHECK_THAT(split(again.out, '\n')[1], Catch::StartsWith("short,"));
}

}  // namespace
}  // namespace strait
