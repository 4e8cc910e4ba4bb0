// What a run writes and prints: apps/output.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "apps/output/build_info.h"
#include "apps/output/human.h"
#include "apps/output/metrics_csv.h"
#include "apps/output/progress.h"
#include "apps/output/run_folder.h"
#include "apps/output/table.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "tests/support/catch.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

using std::chrono::milliseconds;

MetricsRow example_row() {
  return {.arm = "diloco",
          .round = 3,
          .step = 460,
          .tokens = 30720,
          .loss = 2.0 / 3,
          .held_out = 1.5,
          .virtual_time = milliseconds(12'345) + Nanos(1),
          .waiting = milliseconds(50),
          .sent = {.payload = 100, .start = 20, .control = 3, .framing = 4},
          .members = 4,
          .verdict = "commit",
          .missing = 1,
          .attempts = 2,
          .discarded_tokens = 640,
          .not_finite = {0, 2},
          .wall_s = 0.25,
          .late = std::chrono::microseconds(12)};
}

TEST_CASE("metrics have a stable header and nine digits that count", "[output]") {
  CHECK(metrics_header() ==
        "arm,round,step,tokens,loss,held_out,virtual_s,waiting_s,bytes_payload,bytes_start,"
        "bytes_control,bytes_framing,bytes_aborted,bytes_catch_up,members,verdict,missing,attempts,"
        "discarded_tokens,not_finite,wall_s,wall_late_s\n");
  CHECK(metrics_line(example_row()) ==
        "diloco,3,460,30720,0.666666667,1.5,12.345000001,0.050000000,100,20,3,4,0,0,4,commit,"
        "1,2,640,0 2,0.25,0.000012000\n");
  CHECK(example_row().sent.total() == 127);
  MetricsRow row;
  row.loss = 1e-20;
  CHECK(metrics_line(row) == ",0,0,0,1e-20,,0.000000000,0.000000000,0,0,0,0,0,0,0,,0,0,0,,0,\n");
}

TEST_CASE("metrics.csv is there whole after each write, and as before when the disk is full",
          "[output]") {
  const TemporaryFolder folder;
  MetricsCsv metrics(folder / "metrics.csv");
  metrics.add(example_row());
  CHECK_FALSE(std::filesystem::exists(folder / "metrics.csv"));
  metrics.write();
  const std::string one = metrics_header() + metrics_line(example_row());
  CHECK(read_file(folder / "metrics.csv") == one);
  metrics.add(example_row());
  bool refused = false;
  {
    const FileSizeLimit limit(100);
    try {
      metrics.write();
    } catch (const UserError&) {
      refused = true;
    }
  }
  CHECK(refused);
  CHECK(read_file(folder / "metrics.csv") == one);
  metrics.write();
  CHECK(read_file(folder / "metrics.csv") == one + metrics_line(example_row()));
}

TEST_CASE("run folders are numbered behind the highest there is", "[output]") {
  const TemporaryFolder folder;
  const std::string out = folder / "a/runs";
  CHECK(make_run_folder(out, "demo") == out + "/demo-001");
  CHECK(make_run_folder(out, "demo") == out + "/demo-002");
  CHECK(make_run_folder(out, "parity") == out + "/parity-001");
  std::filesystem::create_directory(out + "/demo-999");
  std::filesystem::create_directory(out + "/demo-old");
  CHECK(make_run_folder(out, "demo") == out + "/demo-1000");
}

TEST_CASE("a place where no run folder can be made is named", "[output]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "");
  CHECK_THROWS_WITH(make_run_folder(folder / "file", "demo"),
                    fmt::format("cannot make folder {}: Not a directory; give another place with "
                                "run.out",
                                folder / "file"));
}

TEST_CASE("the run folder's settings are read back as they were", "[output]") {
  const TemporaryFolder folder;
  const LoadedConfig loaded = load_config("", {"--rounds", "3", "--network.kind", "pipe"});
  CHECK(loaded.name() == "run");
  write_run_header(folder.path(), loaded);
  CHECK(load_config(folder / "config.resolved.ini", {}).config == loaded.config);
  CHECK_THAT(read_file(folder / "version.txt"), Catch::Contains(build_info().commit));
  CHECK_FALSE(build_info().commit.empty());
}

TEST_CASE("numbers for people have three digits that count", "[output]") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.00 kB");
  CHECK(human_bytes(9'999) == "10.0 kB");
  CHECK(human_bytes(999'499) == "999 kB");
  CHECK(human_bytes(999'500) == "1.00 MB");
  CHECK(human_bytes(-12'345'678) == "-12.3 MB");
  CHECK(human_bytes(std::int64_t{4'000'000'000'000'000'000}) == "4000 PB");
  CHECK(human_time(Nanos(0)) == "0 s");
  CHECK(human_time(Nanos(1)) == "1.00 ns");
  CHECK(human_time(milliseconds(150)) == "150 ms");
  CHECK(human_time(milliseconds(99'949)) == "99.9 s");
  CHECK(human_time(milliseconds(99'950)) == "1 min 40 s");
  CHECK(human_time(milliseconds(3'599'600)) == "1 h 00 min");
  CHECK(human_time(milliseconds(86'399'000)) == "1 d 00 h");
  CHECK(human_time(-milliseconds(1500)) == "-1.50 s");
  CHECK(human_count(0) == "0");
  CHECK(human_count(-123) == "-123");
  CHECK(human_count(1'234'567) == "1,234,567");
  CHECK(human_count(-123'456) == "-123,456");
}

TEST_CASE("a table aligns its columns, counting characters and not bytes", "[output]") {
  Table table({{"arm"}, {"sent", Align::kRight}, {"note"}});
  table.row({"diloco", "1.23 MB", "größer"});
  table.row({"dünn", "9 B", ""});
  CHECK(table.text() ==
        "arm        sent  note\n"
        "------  -------  ------\n"
        "diloco  1.23 MB  größer\n"
        "dünn        9 B\n");
  CHECK_THROWS(table.row({"too few"}));
}

TEST_CASE("the banner puts the values of a section in one column", "[output]") {
  CHECK(banner_text(
            {{"run", {{"strategy", "diloco"}, {"H", "20"}}}, {"network", {{"links", "4"}}}}) ==
        "run\n"
        "  strategy  diloco\n"
        "  H         20\n"
        "\n"
        "network\n"
        "  links  4\n");
}

TEST_CASE("every round's line is as long as the titles", "[output]") {
  const RoundLine line{.arm = "data_parallel",
                       .round = 60,
                       .rounds = 60,
                       .step = 1600,
                       .loss = 2.3456789,
                       .bits_per_byte = 3.3841,
                       .virtual_time = milliseconds(754'000),
                       .sent = 45'600'000,
                       .members = 4};
  CHECK(round_titles() ==
        "arm                round     step     loss  bits/byte          time      sent  members");
  CHECK(round_line(line) ==
        "data_parallel      60/60     1600   2.3457     3.3841   12 min 34 s   45.6 MB        4");
  CHECK(round_line(RoundLine{}).size() == round_titles().size());
}

/// What Progress writes to a file.
std::string written(bool terminal, const TemporaryFolder& folder) {
  const std::string path = folder / "log";
  std::FILE* const file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  CHECK_FALSE(is_terminal(file));
  {
    Progress progress(file, terminal);
    progress.bar("diloco", 1, 4);
    progress.bar("diloco", 1, 4);  // nothing new to draw
    progress.line("a round");
    progress.bar("diloco", 4, 4);
  }
  std::fclose(file);
  return read_file(path);
}

TEST_CASE("the bar is drawn on terminals only and taken away before each line", "[output]") {
  const TemporaryFolder folder;
  CHECK(written(/*terminal=*/false, folder) == "a round\n");
  CHECK(written(/*terminal=*/true, folder) ==
        "\r\x1b[K[########........................] 1/4 diloco"
        "\r\x1b[Ka round\n"
        "\r\x1b[K[################################] 4/4 diloco"
        "\r\x1b[K");
}

}  // namespace
}  // namespace strait
