// strait report: the page of a run, and the mistakes of its command line.
#include <fmt/format.h>

#include <filesystem>

#include "core/base/files.h"
#include "tests/process/program.h"

namespace strait {
namespace {

constexpr std::size_t kMostBytes = 2'000'000;

/// The first tag that is closed wrongly or not at all; empty if all are balanced.
std::string unbalanced(const std::string& html) {
  Words open;
  for (std::size_t at = html.find('<'); at != html.npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == html.npos) return html.substr(at);
    const std::string tag = html.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.ends_with("/")) continue;
    const std::string name = tag.substr(tag.starts_with("/") ? 1 : 0, tag.find(' '));
    if (!tag.starts_with("/")) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return tag;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

/// A run of the quadratic task in `folder`/runs; its folder.
std::string run_once(const std::string& folder, const Words& keys) {
  const Ended ended =
      run_strait(Words{"run", scenario("quadratic"), "--run.out", folder + "/runs"} + keys,
                 {.folder = folder});
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const std::size_t at = ended.out.find("report: ");
  REQUIRE(at != std::string::npos);
  const std::string path = ended.out.substr(at + 8, ended.out.find('\n', at) - at - 8);
  return std::filesystem::path(path).parent_path();
}

void check_page(const std::string& html) {
  CHECK(html.size() < kMostBytes);
  CHECK(unbalanced(html).empty());
  for (const char* outside : {"http:", "https:", "<script", "<link", "<img", "@import", "url("}) {
    INFO(outside);
    CHECK(html.find(outside) == std::string::npos);
  }
  CHECK_THAT(html, Catch::Contains("default-src 'none'"));
}

TEST_CASE("a run writes its report and the same files give the same bytes", "[process]") {
  const TemporaryFolder folder;
  const std::string run = run_once(folder.path(), {"--run.rounds", "10"});
  const std::string html = read_file(run + "/report.html");
  check_page(html);
  for (const char* part : {"diloco", "island 3", "seed 1", "0.up", "run.rounds",
                           "all 4 islands took part in each of the 10 rounds"}) {
    INFO(part);
    CHECK(html.find(part) != std::string::npos);
  }
  const Ended again =
      run_strait({"report", run, "--out", folder / "again.html"}, {.folder = folder.path()});
  CHECK(again.code == 0);
  CHECK(again.out == fmt::format("report: {}\n", folder / "again.html"));
  CHECK(read_file(folder / "again.html") == html);
}

TEST_CASE("several runs stand side by side and one chart is a picture", "[process]") {
  const TemporaryFolder folder;
  const std::string one = run_once(folder.path(), {"--run.rounds", "6"});
  const std::string two =
      run_once(folder.path(), {"--run.rounds", "6", "--run.strategy", "data_parallel"});
  const Ended both = run_strait({"report", one, two}, {.folder = folder.path()});
  CHECK(both.code == 0);
  const std::string html = read_file(folder / "report.html");
  check_page(html);
  CHECK_THAT(html, Catch::Contains("diloco sends"));
  CHECK_THAT(html, Catch::Contains("data_parallel"));
  const Ended picture = run_strait({"report", one, two, "--svg", "loss.svg", "--panel", "loss"},
                                   {.folder = folder.path()});
  CHECK(picture.code == 0);
  const std::string svg = read_file(folder / "loss.svg");
  CHECK(svg.starts_with("<svg xmlns="));
  CHECK(unbalanced(svg).empty());
}

TEST_CASE("islands that come and go are on the timeline of a report", "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "events.csv",
                        "time,kind,subject,value\n300ms,island_kill,1,\n900ms,island_join,1,\n"
                        "1s,link_down,2,\n1500ms,link_up,2,\n");
  const std::string run =
      run_once(folder.path(), {"--run.rounds", "12", "--network.events", folder / "events.csv"});
  const std::string timeline = read_file(run + "/timeline.csv");
  CHECK_THAT(timeline, Catch::Contains("diloco,1,down,300000000,900000000\n"));
  const std::string html = read_file(run + "/report.html");
  check_page(html);
  CHECK_THAT(html, Catch::Contains("killed 1, joined 1, link outages 2"));
}

TEST_CASE("a thousand rounds of eight islands are a page below two megabytes", "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "links.csv", "island,up,down,delay\n*,100mbit,100mbit,5ms\n");
  const std::string run =
      run_once(folder.path(), {"--run.rounds", "1000", "--islands", "8", "--run.inner_steps", "2",
                               "--quadratic.size", "128", "--eval.every", "1", "--network.links",
                               folder / "links.csv"});
  check_page(read_file(run + "/report.html"));
}

TEST_CASE("what strait report cannot read or do is refused", "[process]") {
  const TemporaryFolder folder;
  const std::string usage =
      "write strait report RUN... [--out FILE], or strait report RUN... --svg FILE [--panel NAME]";
  for (const auto& [words, line] : affordable<std::pair<Words, std::string>>({
           {{}, fmt::format("no run; {}", usage)},
           {{"none"},
            "none: there is no such folder; write strait report RUN, e.g. runs/quadratic-001"},
           {{"."},
            ".: the folder is not of a run: it has no config.resolved.ini; write strait report "
            "RUN, "
            "e.g. runs/quadratic-001"},
           {{"none", "--out"}, fmt::format("--out has no file; {}", usage)},
           {{"none", "--html", "a"},
            fmt::format("'--html' is no option of strait report; {}", usage)},
           {{"none", "--panel", "loss"},
            fmt::format("--panel is for a picture, and there is no --svg; {}", usage)},
           {{"none", "--svg", "a.svg", "--panel", "tokns"},
            "--panel: there is no 'tokns'; did you mean tokens?"},
       })) {
    CHECK(mistake(Words{"report"} + words, {.folder = folder.path()}) == line);
  }
}

}  // namespace
}  // namespace strait
