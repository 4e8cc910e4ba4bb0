// The report's arithmetic: fewer points, shares of time, scales; and what it refuses to read.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/report/bars.h"
#include "apps/report/report.h"
#include "apps/report/sampling.h"
#include "apps/report/scale.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

std::vector<Point> noise(std::size_t count, std::uint64_t seed) {
  Rng rng(seed, "curve");
  std::vector<Point> points;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({static_cast<double>(i), static_cast<double>(rng.below(1000))});
  }
  return points;
}

TEST_CASE("a thinned curve has its ends and its extremes and not too many points", "[report]") {
  for (const std::size_t count : {5u, 100u, 601u, 5000u}) {
    for (const std::size_t most : {4u, 10u, 600u}) {
      INFO(count << " points, at most " << most);
      const auto points = noise(count, 7 + count);
      const auto kept = thinned(points, most);
      CHECK(kept.size() <= most);
      CHECK(kept.front() == points.front());
      CHECK(kept.back() == points.back());
      const auto lower = [](const Point& a, const Point& b) { return a.y < b.y; };
      const auto [low, high] = std::minmax_element(points.begin(), points.end(), lower);
      const auto [low_kept, high_kept] = std::minmax_element(kept.begin(), kept.end(), lower);
      CHECK(low_kept->y == low->y);
      CHECK(high_kept->y == high->y);
      CHECK(std::is_sorted(kept.begin(), kept.end(),
                           [](const Point& a, const Point& b) { return a.x < b.x; }));
    }
  }
  const auto few = noise(4, 1);
  CHECK(thinned(few, 4) == few);
}

TEST_CASE("shares of time add up to what was there", "[report]") {
  const std::vector<Span> spans{{0, 2.5, 0}, {2.5, 4, 1}, {6, 20, 1}};
  const auto all = shares(spans, 0, 8, 4, 2);
  const std::vector<double> expected{1, 0, 0.25, 0.75, 0, 0, 0, 1};
  REQUIRE(all.size() == expected.size());
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == Approx(expected[i]));
  // Of a part of it, and of no time at all.
  CHECK(shares(spans, 2, 3, 1, 2)[0] == Approx(0.5));
  CHECK(shares(spans, 3, 3, 2, 2) == std::vector<double>(4));
}

TEST_CASE("a strip is one area per kind and as tall as its share", "[report]") {
  const std::vector<Span> spans{{0, 1, 0}, {1, 1.5, 0}, {1.5, 2, 1}};
  const std::string svg = strip(spans, 0, 2, 2, 2, "t", {});
  CHECK_THAT(svg, Catch::Contains("<path fill=\"var(--t0)\" d=\"M0 20V0H1V10H2V20H0Z\"/>"));
  CHECK_THAT(svg, Catch::Contains("<path fill=\"var(--t1)\" d=\"M1 10V0H2V10H1Z\"/>"));
}

TEST_CASE("ticks are round and within the range", "[report]") {
  CHECK(Scale({0, 10}, 0, 100, false).ticks(5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(Scale({1, 1000}, 0, 100, true).ticks(5) == std::vector<double>{1, 10, 100, 1000});
  CHECK(Scale({1, 50}, 0, 100, true).ticks(5) == std::vector<double>{1, 2, 5, 10, 20, 50});
  CHECK(Scale({-0.3, 0.7}, 0, 1, false).ticks(5).front() == Approx(-0.2));
  for (const Range range : {Range{0.5, 1e12}, Range{3, 4}, Range{1e-9, 2e-9}, Range{5, 5}}) {
    for (const bool log : {false, true}) {
      INFO(range.low << " to " << range.high << ", log " << log);
      const Scale scale(range, 10, 110, log);
      for (const double tick : scale.ticks(5)) {
        CHECK(scale.at(tick) >= 9.9);
        CHECK(scale.at(tick) <= 110.1);
      }
      CHECK(scale.ticks(5).size() >= 2);
      CHECK(scale.ticks(5).size() <= 12);
      CHECK(scale.at(scale.range().low) == Approx(10));
      CHECK(scale.at(scale.range().high) == Approx(110));
    }
  }
}

TEST_CASE("numbers at ticks are short", "[report]") {
  CHECK(short_number(0) == "0");
  CHECK(short_number(0.25) == "0.25");
  CHECK(short_number(999) == "999");
  CHECK(short_number(20'000) == "20k");
  CHECK(short_number(1.5e9) == "1.5G");
  CHECK(short_number(999'600) == "1M");
}

/// A run of one arm, as small as they come.
std::map<std::string, std::string> small_run() {
  return {
      {"config.resolved.ini", "\n[run]\n; small.ini:3\nrounds = 2\nrecord = \n"},
      {"version.txt", "commit    abc\ncompiler  GCC\nsettings  0123\n"},
      {"verdict.json",
       R"({"scenario": "small", "time": "virtual", "seed": 1, "settings_hash": "0123",
          "data": {"description": "<none> & nothing"},
          "arms": [{"name": "diloco", "islands": 2, "inner_steps_per_round": 5,
                    "virtual_seconds": {"value": 2.5}, "waiting_seconds": {"value": 0.5},
                    "bytes": {"payload": {"value": 1000}, "start": {"value": 0},
                              "aborted": {"value": 0}, "catch_up": {"value": 0},
                              "control": {"value": 20}, "framing": {"value": 40}},
                    "held_out": {"loss": {"value": 1.5}}}]})"},
      {"metrics.csv",
       "arm,round,step,tokens,loss,held_out,virtual_s,waiting_s,bytes_payload,bytes_start,"
       "bytes_control,bytes_framing,bytes_aborted,bytes_catch_up,members,verdict,missing,attempts,"
       "discarded_tokens,not_finite,wall_s,wall_late_s\n"
       "diloco,0,0,0,,3,0.000000000,0.000000000,0,0,10,20,0,0,2,,0,0,0,,0.1,\n"
       "diloco,1,5,0,2,1.5,2.500000000,1.000000000,1000,0,10,20,0,0,2,commit,0,1,0,,0.2,\n"},
      {"links.csv",
       "arm,link,payload_bytes,header_bytes,handshake_bytes,ack_bytes,retransmitted_bytes,"
       "background_bytes,delivered_bytes,dropped_bytes,lost_bytes,in_flight_bytes,busy_ns,"
       "configured_bytes_per_s\ndiloco,0.up,1000,60,0,0,0,0,1060,0,0,0,500000000,2500000\n"},
      {"events.csv", "arm,time_ns,kind,subject,value\ndiloco,2400000000,commit,1,0\n"},
      {"timeline.csv",
       "arm,island,kind,begin_ns,end_ns\ndiloco,0,compute,0,2000000000\n"
       "diloco,0,wait,2000000000,2500000000\ndiloco,1,compute,0,2500000000\n"}};
}

void write_run(const std::string& folder, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    write_file_atomically(fmt::format("{}/{}", folder, name), text);
  }
}

TEST_CASE("a run is read back as it was written", "[report]") {
  const TemporaryFolder folder;
  write_run(folder.path(), small_run());
  const RunFiles run = read_run(folder.path());
  REQUIRE(run.arms.size() == 1);
  const RunArm& arm = run.arms.front();
  CHECK(arm.time == std::chrono::milliseconds(2500));
  CHECK(arm.rows.size() == 2);
  CHECK(arm.rows[1].virtual_time == std::chrono::milliseconds(2500));
  CHECK(arm.bytes[0] == 1000);
  CHECK(arm.timeline.size() == 3);
  CHECK(run.settings.size() == 2);
  CHECK(run.settings[0].value == "2");
  CHECK(run.settings[1].value.empty());
  const std::string html = report_html({run});
  CHECK_THAT(html, Catch::Contains("&lt;none&gt; &amp; nothing"));
  CHECK_THAT(html, Catch::Contains("90.0 %"));  // of the islands' time was computing
  CHECK(html.find("<script") == std::string::npos);
}

TEST_CASE("runs side by side are called by what they differ in", "[report]") {
  const TemporaryFolder folder;
  const auto run_with = [&](const std::string& name, const std::string& keys) {
    auto files = small_run();
    files["config.resolved.ini"] = "[run]\n" + keys + "[eval]\nevery = " + name + "\n";
    std::filesystem::create_directory(folder / name);
    write_run(folder / name, files);
    return read_run(folder / name);
  };
  const RunFiles ten = run_with("1", "strategy = diloco\ninner_steps = 10\nrounds = 20\n");
  const RunFiles fifty = run_with("2", "strategy = diloco\ninner_steps = 50\nrounds = 4\n");
  const RunFiles each = run_with("3", "strategy = data_parallel\ninner_steps = 1\nrounds = 9\n");
  CHECK_THAT(report_svg({ten, fifty}, "bytes"),
             Catch::Contains("H=10: 1.5") && Catch::Contains("H=50: 1.5"));
  CHECK_THAT(report_svg({ten, each}, "bytes"),
             Catch::Contains("diloco H=10: 1.5") && Catch::Contains("data_parallel: 1.5"));
  CHECK_THAT(report_svg({ten, ten}, "bytes"), Catch::Contains(">1: 1.5"));
}

TEST_CASE("files that are no run or are damaged are named in one line", "[report]") {
  const auto complaint = [](const std::string& file, const std::string& text) {
    const TemporaryFolder folder;
    auto files = small_run();
    if (text.empty()) {
      files.erase(file);
    } else {
      files[file] = text;
    }
    write_run(folder.path(), files);
    try {
      read_run(folder.path());
    } catch (const UserError& error) {
      const std::string what = error.what();
      CHECK(what.starts_with(folder.path()));
      CHECK(what.find('\n') == std::string::npos);
      return what.substr(folder.path().size());
    }
    return std::string("none");
  };
  for (const auto& [name, text] : small_run()) {
    INFO(name);
    CHECK_THAT(complaint(name, ""), Catch::Contains(name));
  }
  CHECK(complaint("timeline.csv",
                  "arm,island,kind,begin_ns,end_ns\ndiloco,0,compute,0,1\ndiloco,0,dance,1,2\n") ==
        "/timeline.csv:3: column 'kind': 'dance' is no kind that is known; the file is damaged: "
        "run it again");
  CHECK(complaint("timeline.csv", "arm,island,kind,begin_ns,end_ns\ndiloco,2,wait,0,1\n") ==
        "/timeline.csv:2: column 'island': the arm has 2 islands only");
  CHECK(complaint("events.csv", "arm,time_ns,kind,subject,value\ndiloco,10x,commit,1,0\n") ==
        "/events.csv:2: column 'time_ns': '10x' is no number; the file is damaged: run it again");
  CHECK(complaint("events.csv", "arm,time_ns,kind,subject,value\nlocal,10,commit,1,0\n") ==
        "/events.csv:2: column 'arm': verdict.json has no arm 'local'; the files are of two runs");
  CHECK_THAT(complaint("verdict.json", "{\"arms\": ["), Catch::Contains("the file is damaged"));
  CHECK_THAT(complaint("verdict.json", "{}"), Catch::Contains("'scenario' not found"));
  CHECK_THAT(complaint("config.resolved.ini", "[run]\nrounds\n"),
             Catch::Contains("'rounds' has no '='"));
}

}  // namespace
}  // namespace strait
