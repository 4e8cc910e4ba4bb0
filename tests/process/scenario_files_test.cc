// Mistakes in scenarios and CSV files: file and line, the value and the fix.
#include "core/base/files.h"
#include "tests/process/program.h"

namespace strait {
namespace {

constexpr const char* kScenario =
    "[run]\nrounds = 2\n[task]\nname = quadratic\n[pretrain]\nsteps = 0\n"
    "[network]\nlinks = links.csv\nevents = events.csv\n";
constexpr const char* kLinks = "island,up,down,delay\n";
constexpr const char* kEvents = "time,kind,subject,value\n";

/// Each with the rows that it shows to be wrong, the others as they should be.
struct Files {
  std::string scenario = kScenario;
  std::string links = std::string(kLinks) + "*,20mbit,20mbit,20ms\n";
  std::string events = kEvents;
  std::string islands = "island,name,region,step,jitter,start\n";
  std::string bottlenecks = "name,from,to,rate,delay,loss\n";
  std::string trace = "time,rate,delay\n";
};

std::string line_for(const Files& files) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "s.ini", files.scenario);
  write_file_atomically(folder / "links.csv", files.links);
  write_file_atomically(folder / "events.csv", files.events);
  write_file_atomically(folder / "islands.csv", files.islands);
  write_file_atomically(folder / "bottlenecks.csv", files.bottlenecks);
  write_file_atomically(folder / "trace.csv", files.trace);
  return mistake({"run", "s.ini"}, {.folder = folder.path()});
}

struct Row {
  std::string text;
  std::string line;
};

TEST_CASE("what is no scenario is refused", "[process]") {
  const std::string binary(
      "\x7f"
      "ELF\x02\x01\0\0",
      8);
  for (const auto& [text, line] : affordable<Row>(
           {{"",
             "network.links is empty: an emulated network needs a CSV file of its links, e.g. "
             "links/demo.csv; or write network.kind = pipe (default)"},
            {"hello world\n", "'hello world' has no '='; write key = value (s.ini:1)"},
            {"{\"run\": 3}\n", "'{\"run\": 3}' has no '='; write key = value (s.ini:1)"},
            {binary,
             "the line has a control character in it; save the file as plain UTF-8 text (s.ini:1)"},
            {"rounds = 3\n",
             "rounds stands before the first [section]; write the section's name above it "
             "(s.ini:1)"},
            {"[runs]\n", "[runs] is not a section; did you mean [run]? (s.ini:1)"},
            {"[run]\nround = 3\n", "run.round is not a key; did you mean run.rounds? (s.ini:2)"},
            {"[fleet]\nsize = 3\n",
             "[fleet] is not a section; there are run, task, model, quadratic, data, inner, "
             "outer, pretrain, collective, rounds, data_parallel, network, sockets, compute, "
             "eval and checkpoint "
             "(s.ini:1)"},
            {"[data_parallel]\nmissing = shrnk\n",
             "data_parallel.missing: 'shrnk' is not wait or shrink; did you mean shrink? "
             "(s.ini:2)"},
            {"[rounds]\nquorum = 9\n[network]\nkind = pipe\n",
             "rounds.quorum = 9: has to be 0 to run.islands = 4 (s.ini:2)"},
            {"[run]\nseed = 3\nseed = 4\n",
             "run.seed is given twice: s.ini:2 and s.ini:3; keep one"},
            {"[run]\r\nrounds = x\r\n",
             "run.rounds: 'x' is not a whole number; write e.g. 60 (s.ini:2)"},
            {"[run]\ninner_steps = 0\n[network]\nkind = pipe\n",
             "run.inner_steps = 0: has to be 1 to 10000000 (s.ini:2)"},
            {"[network]\nlinks = no.csv\n",
             "network.links: no file no.csv; write its path from the scenario's folder "
             "(s.ini:2)"},
            {"[network]\nlinks = links.csv\nislands = no.csv\n",
             "network.islands: no file no.csv; write its path from the scenario's folder "
             "(s.ini:3)"},
            {"[network]\nlinks = links.csv\nbottlenecks = no.csv\n",
             "network.bottlenecks: no file no.csv; write its path from the scenario's folder "
             "(s.ini:3)"}})) {
    CAPTURE(text);
    CHECK(line_for({.scenario = text}) == line);
  }
}

TEST_CASE("links that cannot be are refused", "[process]") {
  for (const auto& [rows, line] : affordable<Row>(
           {{"*,1mbit,1mbit\n",
             "links.csv:2: a column is missing (an empty one needs its comma too); the columns are "
             "island,up,down,delay"},
            {"*,0,1mbit,1ms\n",
             "links.csv:2: column 'up': '0' lets nothing through; write e.g. 20mbit, or take the "
             "link down with a link_down event"},
            {"*,-1mbit,1mbit,1ms\n",
             "links.csv:2: column 'up': '-1mbit' is negative; write e.g. 20mbit"},
            {"*,1mbit,20,1ms\n", "links.csv:2: column 'down': '20' has no unit; write e.g. 20mbit"},
            {"*,1mbit,1mbit,3h\n",
             "links.csv:2: column 'delay': '3h' is more than 60s; write e.g. 20ms"},
            {"0,1mbit,1mbit,1ms\n1,1mbit,1mbit,1ms\n",
             "links.csv: no row for island 2; add one, or a row for all others: "
             "*,20mbit,20mbit,20ms"},
            {"0,1mbit,1mbit,1ms\n0,1mbit,1mbit,1ms\n",
             "links.csv:3: column 'island': there is a row for '0' already; keep one"},
            {"*,1mbit,1mbit,1ms\n7,1mbit,1mbit,1ms\n",
             "links.csv:3: column 'island': there is no island or region '7'; run.islands = 4 "
             "makes 0 "
             "to 3, and * is all others"},
            {"",
             "links.csv: no row for island 0; add one, or a row for all others: "
             "*,20mbit,20mbit,20ms"}})) {
    CAPTURE(rows);
    CHECK(line_for({.links = kLinks + rows}) == line);
  }
}

TEST_CASE("events that cannot be are refused", "[process]") {
  for (const auto& [rows, line] : affordable<Row>(
           {{"1s,link_down,9,\n",
             "events.csv:2: column 'subject': there is no island '9'; run.islands = 4 makes 0 to "
             "3"},
            {"1s,link_dwon,1,\n",
             "events.csv:2: column 'kind': 'link_dwon' is unknown; the kinds are link_down, "
             "link_up, rate, delay, loss, trace, outages, flapping, background, island_pause, "
             "island_speed, "
             "island_silent, "
             "island_kill, island_leave, island_join"},
            {"1s,link_up,1,\n",
             "events.csv:2: column 'subject': link 1.up is not down here; a link_up follows a "
             "link_down of the same subject"},
            {"2s,link_down,1,\n1s,link_up,1,\n",
             "events.csv:3: column 'time': '1s' is before the event above (2s); rows are in the "
             "order of time"},
            {"2s,island_pause,1,\n", "events.csv:2: column 'value': '' is empty; write e.g. 80ms"},
            {"2s,island_pause,1,1000000d\n",
             "events.csv:2: column 'value': '1000000d' is too large; write e.g. 80ms"}})) {
    CAPTURE(rows);
    CHECK(line_for({.events = kEvents + rows}) == line);
  }
}

/// tests/sim/network_mistakes_test.cc has all of them: here it counts that each file is read.
TEST_CASE("islands, bottlenecks and traces that cannot be are refused", "[process]") {
  const std::string more = "islands = islands.csv\nbottlenecks = bottlenecks.csv\n";
  Files files{.scenario = kScenario + more};
  files.islands += "7,,,,,\n";
  CHECK(line_for(files) ==
        "islands.csv:2: column 'island': there is no island '7'; run.islands = 4 makes 0 to 3");
  files = {.scenario = kScenario + more};
  files.bottlenecks += "cable,eu,*,1gbit,40ms,\n";
  CHECK(
      line_for(files) ==
      "bottlenecks.csv:2: column 'from': there is no island or region 'eu'; run.islands = 4 makes "
      "0 to 3, and * is all others");
  files = {.scenario = kScenario + more};
  files.events += "0s,trace,1.up,trace.csv\n";
  files.trace += "0s,1mbit,\n1s,2 bits,\n";
  CHECK(line_for(files) == "trace.csv:3: column 'rate': '2 bits' is not a rate; write e.g. 20mbit");
  files = {.scenario = kScenario + more, .links = "from,to,rate,delay\n0,1,1mbit,1ms\n"};
  CHECK(line_for(files) ==
        "links.csv: no row from island 0 to 2; add one, or a row for all others: *,*,20mbit,40ms");
}

TEST_CASE("files of zeros and of one endless line are refused", "[process]") {
  CHECK(line_for({.links = std::string(5000, '\0')}) ==
        "links.csv: the file is empty; the columns are "
        "island,up,down,delay[,loss][,jitter][,bursts][,queue]");
  const std::string line = line_for({.links = std::string(1'000'000, 'a')});
  CHECK_THAT(line, Catch::StartsWith("links.csv: column 'aaa") && Catch::Contains("is unknown"));
  CHECK(line.size() < 200);
}

/// A run that the network ends: exit code 1, one line that names the file to look at.
std::string failure_of(const std::string& events, const Words& more = {}) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "s.ini", kScenario);
  write_file_atomically(folder / "links.csv", std::string(kLinks) + "*,20mbit,20mbit,20ms\n");
  write_file_atomically(folder / "events.csv", kEvents + events);
  const Ended ended = run_strait(Words{"run", "s.ini"} + more, {.folder = folder.path()});
  CHECK(ended.code == 1);
  for (const auto& [name, text] : files_in(folder / "runs")) {
    CAPTURE(name);
    CHECK(name.find(".tmp-") == std::string::npos);
    CHECK(name.find("verdict") == std::string::npos);
  }
  return only_line(ended);
}

TEST_CASE("a link that stays down ends the run with who waits for what", "[process]") {
  const auto check = [](const std::string& events, const Words& more) {
    CHECK_THAT(failure_of(events, more),
               Catch::StartsWith("deadlock: ") && Catch::Contains("island 0 waits for") &&
                   Catch::EndsWith("look for a link that stays down in events.csv"));
  };
  const std::string down = "10ms,link_down,1,\n";
  check(down, {});
  check(down, {"--run.strategy", "data_parallel"});
  check(down, {"--pretrain.steps", "3"});
}

TEST_CASE("an island that pauses for longer than any deadlock takes goes on", "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "s.ini", kScenario);
  write_file_atomically(folder / "links.csv", std::string(kLinks) + "*,20mbit,20mbit,20ms\n");
  write_file_atomically(folder / "events.csv", std::string(kEvents) + "10ms,island_pause,1,5h\n");
  const Ended ended = run_strait({"run", "s.ini"}, {.folder = folder.path()});
  CAPTURE(ended.err);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out, Catch::Contains("5 h"));
}

TEST_CASE("training that diverges ends the run with what to change", "[process]") {
  for (const Words& islands : {Words{}, Words{"--islands", "1"}}) {
    CHECK_THAT(failure_of("", Words{"--inner.optimizer", "sgd", "--inner.lr", "1e6",
                                    "--inner.clip_norm", "0"} +
                                  islands),
               Catch::EndsWith("training diverged; lower inner.lr or outer.lr"));
  }
}

}  // namespace
}  // namespace strait
