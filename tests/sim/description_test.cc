#include "netsim/description.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/base/errors.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

const IslandNames kThree{3, {}};

/// A CSV file for as long as a test needs it; of this process, since tests run side by side.
struct CsvFile {
  std::string path = fmt::format("description_test.{}.csv", getpid());
  explicit CsvFile(const std::string& text) { std::ofstream(path) << text; }
  ~CsvFile() { std::remove(path.c_str()); }

  /// What `read(path)` says, with the file called x.csv.
  template <class Read>
  std::string complaint(Read read) const {
    try {
      (void)read(path);
    } catch (const UserError& error) {
      std::string what = error.what();
      const std::size_t at = what.find(path);
      return at == std::string::npos ? what : what.replace(at, path.size(), "x.csv");
    }
    return "accepted";
  }
};

std::string links_file_complaint(const std::string& text) {
  return CsvFile(text).complaint([](const std::string& path) { return read_links(path, kThree); });
}

std::string links_complaint(const std::string& rows) {
  return links_file_complaint("island,up,down,delay\n" + rows);
}

std::string events_complaint(const std::string& rows) {
  const CsvFile file("time,kind,subject,value\n" + rows);
  return file.complaint([](const std::string& path) { return read_events(path, kThree); });
}

TEST_CASE("links come from a file, with a row for all others", "[description]") {
  const CsvFile file(
      "# three islands\n"
      "island, up, down, delay\n"
      "\n"
      "*,100mbit,inf,10ms\n"
      "# the slow one\n"
      "2, 20mbit, 5 mbit, 1.5ms\n");
  const auto links = read_links(file.path, kThree);
  REQUIRE(links.size() == 3);
  CHECK(links[0].up == megabits(100));
  CHECK(links[1].down == kUnlimited);
  CHECK(links[1].delay == ms(10));
  CHECK(links[2].up == megabits(20));
  CHECK(links[2].down == megabits(5));
  CHECK(links[2].delay == Nanos{1'500'000});
}

TEST_CASE("columns may be in another order and islands may have names", "[description]") {
  const CsvFile file("delay,island,down,up\n1ms,lyon,8mbit,16mbit\n2ms,1,8mbit,16mbit\n");
  const auto links = read_links(file.path, {2, {"lyon", "kyoto"}});
  CHECK(links[0].delay == ms(1));
  CHECK(links[0].up == megabits(16));
  CHECK(links[1].delay == ms(2));
}

TEST_CASE("the demo's links are those of its description", "[description]") {
  const auto links = read_links(std::string(STRAIT_SOURCE) + "/scenarios/links/demo.csv", {4, {}});
  for (const AccessLink& link : links) {
    CHECK(link.up == megabits(20));
    CHECK(link.down == megabits(20));
    CHECK(link.delay == ms(20));
  }
}

TEST_CASE("events come from a file", "[description]") {
  const CsvFile file(
      "time,kind,subject,value\n"
      "10s,link_down,2,\n"
      "11s,link_up,2.down,\n"
      "12s,link_up,2.up,\n"
      "12s,island_pause,kyoto,1.5s\n"
      "20s,link_down,1.up,\n");
  const auto events = read_events(file.path, {3, {"lyon", "kyoto", "quito"}});
  REQUIRE(events.size() == 5);
  CHECK(events[0].time == ms(10'000));
  CHECK(events[0].kind == NetworkEventKind::kLinkDown);
  CHECK(events[0].links == std::vector{up_link(2), down_link(2)});
  CHECK(events[1].links == std::vector{down_link(2)});
  CHECK(events[3].kind == NetworkEventKind::kIslandPause);
  CHECK(events[3].island == 1);
  CHECK(events[3].duration == ms(1'500));
  CHECK(events[3].links.empty());
  CHECK(events[4].links == std::vector{up_link(1)});
}

TEST_CASE("every mistake in a links file is one line", "[description]") {
  CHECK(links_complaint("*,20 bananas,1mbit,1ms\n") ==
        "x.csv:2: column 'up': '20 bananas' is not a rate; write e.g. 20mbit");
  CHECK(links_complaint("*,20,1mbit,1ms\n") ==
        "x.csv:2: column 'up': '20' has no unit; write e.g. 20mbit");
  CHECK(links_complaint("# why\n*,1mbit,-1mbit,1ms\n") ==
        "x.csv:3: column 'down': '-1mbit' is negative; write e.g. 20mbit");
  CHECK(links_complaint("*,1mbit,0mbit,1ms\n") ==
        "x.csv:2: column 'down': '0mbit' lets nothing through; write e.g. 20mbit, or take the "
        "link down with a link_down event");
  CHECK(links_complaint("*,1mbit,1mbit,\n") ==
        "x.csv:2: column 'delay': '' is empty; write e.g. 80ms");
  CHECK(links_complaint("*,1mbit,1mbit,80s\n") ==
        "x.csv:2: column 'delay': '80s' is more than 60s; write e.g. 20ms");
  CHECK(links_complaint("3,1mbit,1mbit,1ms\n") ==
        "x.csv:2: column 'island': there is no island '3'; run.islands = 3 makes 0 to 2");
  CHECK(links_complaint("x,1mbit,1mbit,1ms\n") ==
        "x.csv:2: column 'island': there is no island 'x'; run.islands = 3 makes 0 to 2");
  CHECK(links_complaint(",1mbit,1mbit,1ms\n") ==
        "x.csv:2: column 'island': there is no island ''; run.islands = 3 makes 0 to 2");
  CHECK(links_complaint("1,1mbit,1mbit,1ms\n1,1mbit,1mbit,1ms\n") ==
        "x.csv:3: column 'island': there is a row for '1' already; keep one");
  CHECK(links_complaint("*,1mbit,1mbit,1ms\n*,1mbit,1mbit,1ms\n") ==
        "x.csv:3: column 'island': there is a row for '*' already; keep one");
  CHECK(links_complaint("0,1mbit,1mbit,1ms\n2,1mbit,1mbit,1ms\n") ==
        "x.csv: no row for island 1; add one, or a row for all others: *,20mbit,20mbit,20ms");
  CHECK(links_complaint("*,1mbit,1mbit\n") ==
        "x.csv:2: a column is missing (an empty one needs its comma too); the columns are "
        "island,up,down,delay");
  CHECK(links_complaint("*,1mbit,1mbit,1ms,7\n") ==
        "x.csv:2: there are too many columns; the columns are island,up,down,delay");
}

TEST_CASE("a links file needs its header", "[description]") {
  CHECK(links_file_complaint("") ==
        "x.csv: the file is empty; the columns are island,up,down,delay");
  CHECK(links_file_complaint("island,up,down\n") ==
        "x.csv: there is no column 'delay'; the columns are island,up,down,delay");
  CHECK(links_file_complaint("island,up,down,delay,loss\n") ==
        "x.csv: column 'loss' is unknown; the columns are island,up,down,delay");
  CHECK(links_file_complaint("island,up,up,delay\n") ==
        "x.csv: column 'up' is there twice; the columns are island,up,down,delay");
  CHECK_THROWS_WITH(read_links("nowhere.csv", kThree),
                    "nowhere.csv: cannot be opened: No such file or directory");
}

TEST_CASE("every mistake in an events file is one line", "[description]") {
  CHECK(events_complaint("soon,link_down,0,\n") ==
        "x.csv:2: column 'time': 'soon' is not a duration; write e.g. 80ms");
  CHECK(events_complaint("-1s,link_down,0,\n") ==
        "x.csv:2: column 'time': '-1s' is negative; write e.g. 80ms");
  CHECK(events_complaint("1s,link_gone,0,\n") ==
        "x.csv:2: column 'kind': 'link_gone' is unknown; the kinds are link_down, link_up, "
        "island_pause");
  CHECK(events_complaint("1s,link_down,7,\n") ==
        "x.csv:2: column 'subject': there is no island '7'; run.islands = 3 makes 0 to 2");
  CHECK(events_complaint("1s,link_down,0.left,\n") ==
        "x.csv:2: column 'subject': there is no island '0.left'; run.islands = 3 makes 0 to 2");
  CHECK(events_complaint("1s,island_pause,0.up,1s\n") ==
        "x.csv:2: column 'subject': '0.up' is one direction of a link; an island_pause is for an "
        "island, e.g. 0");
  CHECK(events_complaint("1s,link_up,1,\n") ==
        "x.csv:2: column 'subject': link 1 is not down here; a link_up follows a link_down of the "
        "same subject");
  CHECK(events_complaint("1s,link_down,1.up,\n2s,link_up,1,\n") ==
        "x.csv:3: column 'subject': link 1 is not down here; a link_up follows a link_down of the "
        "same subject");
  CHECK(events_complaint("1s,link_down,1,\n2s,link_down,1.up,\n") ==
        "x.csv:3: column 'subject': link 1.up is down already, since 1s");
  CHECK(events_complaint("1s,link_down,1,\n1s,link_up,1,\n") ==
        "x.csv:3: column 'time': the outage of link 1 ends when it begins, at 1s");
  CHECK(events_complaint("5s,link_down,1,\n3s,link_up,1,\n") ==
        "x.csv:3: column 'time': '3s' is before the event above (5s); rows are in the order of "
        "time");
  CHECK(events_complaint("1s,link_down,1,3s\n") ==
        "x.csv:2: column 'value': '3s' has no meaning here; leave it empty");
  CHECK(events_complaint("1s,island_pause,1,\n") ==
        "x.csv:2: column 'value': '' is empty; write e.g. 80ms");
  CHECK(events_complaint("1s,island_pause,1,0\n") ==
        "x.csv:2: column 'value': an island_pause of 0 is none; write how long it lasts, e.g. 5s");
}

}  // namespace
}  // namespace strait
