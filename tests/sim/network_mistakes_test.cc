// Every mistake in a file of a network is one line: file and line, column, the value, what is wrong
// with it and a right one.
#include <algorithm>
#include <array>

#include "core/base/rng.h"
#include "tests/sim/network_mistakes.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

TEST_CASE("a file needs its header", "[mistakes]") {
  check({{" ",
          "links.csv: the file is empty; the columns are "
          "island,up,down,delay[,loss][,jitter][,bursts][,queue]"},
         {"island,up,down\n",
          "links.csv: there is no column 'delay'; the columns are "
          "island,up,down,delay[,loss][,jitter][,bursts][,queue]"},
         {"island,up,down,delay,ping\n",
          "links.csv: column 'ping' is unknown; the columns are "
          "island,up,down,delay[,loss][,jitter][,bursts][,queue]"},
         {"island,up,up,delay\n",
          "links.csv: column 'up' is there twice; the columns are "
          "island,up,down,delay[,loss][,jitter][,bursts][,queue]"},
         {"from,to,rate\n",
          "links.csv: there is no column 'delay'; the columns are "
          "from,to,rate,delay[,loss][,jitter][,bursts][,queue][,via]"},
         {"to,rate,delay\n",
          "links.csv: there is no column 'from'; the columns are "
          "from,to,rate,delay[,loss][,jitter][,bursts][,queue][,via]"},
         {"island,up,down,delay\n*,1mbit,1mbit\n",
          "links.csv:2: a column is missing (an empty one needs its comma too); the columns are "
          "island,up,down,delay"},
         {"island,up,down,delay\n*,1mbit,1mbit,1ms,7\n",
          "links.csv:2: there are too many columns; the columns are island,up,down,delay"},
         {"island,up,down,delay\n*,1m\x01it,1mbit,1ms\n",
          "links.csv:2: the line has a control character in it; save the file as plain UTF-8 "
          "text"}},
        [](const std::string& text) { return NetworkTexts{.links = text}; });
  CHECK(complaint({.islands = "name\n"}) ==
        "islands.csv: there is no column 'island'; the columns are "
        "island[,name][,region][,step][,speed][,jitter][,start]");
  CHECK(complaint({.bottlenecks = "name,from,to,rate\n"}) ==
        "bottlenecks.csv: there is no column 'delay'; the columns are "
        "name,from,to,rate,delay[,loss][,jitter][,bursts][,queue]");
  CHECK(complaint({.events = "time,kind,subject\n"}) ==
        "events.csv: there is no column 'value'; the columns are time,kind,subject,value");
  CHECK_THROWS_WITH(read_network({.links = "nowhere.csv"}, 3, 1),
                    "nowhere.csv: cannot be opened: No such file or directory");
}

TEST_CASE("mistakes in access links are told", "[mistakes]") {
  check({{"*,20 bananas,1mbit,1ms,\n",
          "links.csv:2: column 'up': '20 bananas' is not a rate; write e.g. 20mbit"},
         {"*,20,1mbit,1ms,\n", "links.csv:2: column 'up': '20' has no unit; write e.g. 20mbit"},
         {"# why\n*,1mbit,-1mbit,1ms,\n",
          "links.csv:3: column 'down': '-1mbit' is negative; write e.g. 20mbit"},
         {"*,1mbit,0mbit,1ms,\n",
          "links.csv:2: column 'down': '0mbit' lets nothing through; write e.g. 20mbit, or take "
          "the link down with a link_down event"},
         {"*,1mbit,1mbit,,\n", "links.csv:2: column 'delay': '' is empty; write e.g. 80ms"},
         {"*,1mbit,1mbit,80s,\n",
          "links.csv:2: column 'delay': '80s' is more than 60s; write e.g. 20ms"},
         {"*,1mbit,1mbit,1ms,101%\n",
          "links.csv:2: column 'loss': '101%' is not a fraction from 0 to 1; write e.g. 0.02 or "
          "2%"},
         {"*,1mbit,1mbit,1ms,-1%\n",
          "links.csv:2: column 'loss': '-1%' is negative; write e.g. 0.02 or 2%"},
         {"*,1mbit,1mbit,1ms,100%\n",
          "links.csv:2: column 'loss': '100%' lets nothing through; write e.g. 2%, or take the "
          "link down with a link_down event"},
         {"*,1mbit,1mbit,1ms,0.00001%\n",
          "links.csv:2: column 'loss': '0.00001%' is less than one segment in a million; write "
          "e.g. 0.1%"},
         {"3,1mbit,1mbit,1ms,\n",
          "links.csv:2: column 'island': there is no island or region '3'; run.islands = 3 makes 0 "
          "to 2, and * is all others"},
         {"x,1mbit,1mbit,1ms,\n",
          "links.csv:2: column 'island': there is no island or region 'x'; run.islands = 3 makes 0 "
          "to 2, and * is all others"},
         {",1mbit,1mbit,1ms,\n",
          "links.csv:2: column 'island': there is no island or region ''; run.islands = 3 makes 0 "
          "to 2, and * is all others"},
         {"99999999999999999999,1mbit,1mbit,1ms,\n",
          "links.csv:2: column 'island': there is no island or region '99999999999999999999'; "
          "run.islands = 3 makes 0 to 2, and * is all others"},
         {"1,1mbit,1mbit,1ms,\n1,1mbit,1mbit,1ms,\n",
          "links.csv:3: column 'island': there is a row for '1' already; keep one"},
         {"*,1mbit,1mbit,1ms,\n*,1mbit,1mbit,1ms,\n",
          "links.csv:3: column 'island': there is a row for '*' already; keep one"},
         {"0,1mbit,1mbit,1ms,\n2,1mbit,1mbit,1ms,\n",
          "links.csv: no row for island 1; add one, or a row for all others: "
          "*,20mbit,20mbit,20ms"}},
        [](const std::string& rows) {
          return NetworkTexts{.links = "island,up,down,delay,loss\n" + rows};
        });
}

TEST_CASE("mistakes in jitter, bursts and queues are told", "[mistakes]") {
  check({{"20s,,\n",
          "links.csv:2: column 'jitter': '20s' is more than the delay (10ms), which varies by so "
          "much both ways; write e.g. 2.5ms"},
         {"soon,,\n", "links.csv:2: column 'jitter': 'soon' is not a duration; write e.g. 80ms"},
         {",1%,\n",
          "links.csv:2: column 'bursts': '1%' is not two numbers; write the share that is lost and "
          "the mean length of a burst in packets, e.g. 0.5%/20"},
         {",1%/0,\n",
          "links.csv:2: column 'bursts': '1%/0' has no length from 1 to 100000; write the share "
          "that is lost and the mean length of a burst in packets, e.g. 0.5%/20"},
         {",1%/2x,\n",
          "links.csv:2: column 'bursts': '1%/2x' has no length from 1 to 100000; write the share "
          "that is lost and the mean length of a burst in packets, e.g. 0.5%/20"},
         {",95%/3,\n",
          "links.csv:2: column 'bursts': '95%/3' loses more than 90%; write the share that is lost "
          "and the mean length of a burst in packets, e.g. 0.5%/20"},
         {",much/3,\n",
          "links.csv:2: column 'bursts': 'much' is not a fraction from 0 to 1; write e.g. 0.02 or "
          "2%"},
         {",0.0001%/20,\n",
          "links.csv:2: column 'bursts': '0.0001%/20' begins less than one burst in a million "
          "packets; write the share that is lost and the mean length of a burst in packets, e.g. "
          "0.5%/20"},
         {",,0\n",
          "links.csv:2: column 'queue': '0' is no room from 1B to 1TiB; write e.g. 256KiB, or "
          "nothing for what network.queue says"},
         {",,64\n", "links.csv:2: column 'queue': '64' has no unit; write e.g. 1.5GiB"},
         {",,2TiB\n",
          "links.csv:2: column 'queue': '2TiB' is no room from 1B to 1TiB; write e.g. 256KiB, or "
          "nothing for what network.queue says"}},
        [](const std::string& cells) {
          return NetworkTexts{.links =
                                  "island,up,down,delay,jitter,bursts,queue\n"
                                  "*,1mbit,1mbit,10ms," +
                                  cells};
        });
}

TEST_CASE("mistakes in the links of pairs are told", "[mistakes]") {
  check(
      {{"0,1,1mbit,1ms,,\n1,0,1mbit,1ms,,\n0,2,1mbit,1ms,,\n2,0,1mbit,1ms,,\n1,2,1mbit,1ms,,\n",
        "links.csv: no row from island 2 to 1; add one, or a row for all others: "
        "*,*,20mbit,40ms"},
       {"0,1,1mbit,1ms,,\n*,*,1mbit,1ms,,\n0,1,1mbit,1ms,,\n",
        "links.csv:4: column 'from': there is a row for 0>1 already; keep one"},
       {"*,*,1mbit,1ms,,\n*,*,1mbit,1ms,,\n",
        "links.csv:3: column 'from': there is a row for *>* already; keep one"},
       {"0,0,1mbit,1ms,,\n",
        "links.csv:2: column 'to': island 0 needs no link to itself; delete the row"},
       {"0,3,1mbit,1ms,,\n",
        "links.csv:2: column 'to': there is no island or region '3'; run.islands = 3 makes 0 to "
        "2, and * is all others"},
       {"eu,1,1mbit,1ms,,\n",
        "links.csv:2: column 'from': there is no island or region 'eu'; run.islands = 3 makes 0 "
        "to 2, and * is all others"},
       {",1,1mbit,1ms,,\n",
        "links.csv:2: column 'from': there is no island or region ''; run.islands = 3 makes 0 to "
        "2, and * is all others"},
       {"*,*,fast,1ms,,\n", "links.csv:2: column 'rate': 'fast' is not a rate; write e.g. 20mbit"},
       {"*,*,0,1ms,,\n",
        "links.csv:2: column 'rate': '0' lets nothing through; write e.g. 20mbit, or take the "
        "link down with a link_down event"},
       {"*,*,1mbit,2m,,\n", "links.csv:2: column 'delay': '2m' is more than 60s; write e.g. 20ms"},
       {"*,*,1mbit,1ms,two,\n",
        "links.csv:2: column 'loss': 'two' is not a fraction from 0 to 1; write e.g. 0.02 or 2%"},
       {"*,*,1mbit,1ms,,cable\n",
        "links.csv:2: column 'via': there is no bottleneck 'cable'; there are pipe and tube"},
       {"*,*,1mbit,1ms,,pipe+pipe\n",
        "links.csv:2: column 'via': 'pipe' is there twice; keep one"}},
      [](const std::string& rows) {
        return NetworkTexts{
            .links = "from,to,rate,delay,loss,via\n" + rows,
            .bottlenecks = "name,from,to,rate,delay\npipe,,,1mbit,1ms\ntube,,,1mbit,1ms\n"};
      });
  CHECK(complaint({.links = "from,to,rate,delay,via\n*,*,1mbit,1ms,cable\n"}) ==
        "links.csv:2: column 'via': there is no bottleneck 'cable'; network.bottlenecks names a "
        "file of them");
}

TEST_CASE("mistakes in islands are told", "[mistakes]") {
  check(
      {{"3,,,,,\n",
        "islands.csv:2: column 'island': there is no island '3'; run.islands = 3 makes 0 to 2"},
       {"lyon,lyon,,,,\n",
        "islands.csv:2: column 'island': there is no island 'lyon'; run.islands = 3 makes 0 to "
        "2"},
       {"0,,,,,\n0,,,,,\n",
        "islands.csv:3: column 'island': there is a row for '0' already; keep one"},
       {"*,,,,,\n*,,,,,\n",
        "islands.csv:3: column 'island': there is a row for '*' already; keep one"},
       {"0,7,,,,\n",
        "islands.csv:2: column 'name': '7' is no name; write letters, digits, - and _, not digits "
        "only, e.g. lyon"},
       {"0,a>b,,,,\n",
        "islands.csv:2: column 'name': 'a>b' is no name; write letters, digits, - and _, not "
        "digits only, e.g. lyon"},
       {"0,a.up,,,,\n",
        "islands.csv:2: column 'name': 'a.up' is no name; write letters, digits, - and _, not "
        "digits only, e.g. lyon"},
       {"0,,*,,,\n",
        "islands.csv:2: column 'region': '*' is no name; write letters, digits, - and _, not "
        "digits only, e.g. lyon"},
       {"*,lyon,,,,\n",
        "islands.csv:2: column 'name': 'lyon' would be the name of many islands; leave it empty"},
       {"0,lyon,,,,\n1,lyon,,,,\n",
        "islands.csv:3: column 'name': there is an island 'lyon' already; write another name, "
        "e.g. lyon-2"},
       {"0,lyon,,,,\n1,,lyon,,,\n",
        "islands.csv:3: column 'region': there is an island 'lyon' already; write another name, "
        "e.g. lyon-2"},
       {"0,,eu,,,\n1,eu,,,,\n",
        "islands.csv:3: column 'name': there is a region 'eu' already; write another name, e.g. "
        "eu-2"},
       {"0,,,100,,\n", "islands.csv:2: column 'step': '100' has no unit; write e.g. 80ms"},
       {"0,,,2h,,\n", "islands.csv:2: column 'step': '2h' is more than 3600s; write e.g. 150ms"},
       {"0,,,,120%,\n",
        "islands.csv:2: column 'jitter': '120%' is not a fraction from 0 to 1; write e.g. 0.02 or "
        "2%"},
       {"0,,,,,later\n",
        "islands.csv:2: column 'start': 'later' is not a duration; write e.g. 80ms"},
       {"*,,,,,1s\n",
        "islands.csv: column 'start': no island is there from the start; leave it empty for at "
        "least one"}},
      [](const std::string& rows) {
        return NetworkTexts{.islands = "island,name,region,step,jitter,start\n" + rows};
      });
}

TEST_CASE("mistakes in speeds are told", "[mistakes]") {
  check({{"0,,0.5\n", "islands.csv:2: column 'speed': '0.5' has no unit; write e.g. 0.5x"},
         {"0,,0x\n", "islands.csv:2: column 'speed': '0x' is below 0.001x; write e.g. 0.5x"},
         {"0,,-1x\n", "islands.csv:2: column 'speed': '-1x' is negative; write e.g. 0.5x"},
         {"0,,2000x\n", "islands.csv:2: column 'speed': '2000x' is above 1000x; write e.g. 0.5x"},
         {"0,,50%\n", "islands.csv:2: column 'speed': '50%' is not a speed; write e.g. 0.5x"},
         {"0,10ms,0.5x\n",
          "islands.csv:2: column 'speed': '0.5x' is of compute.step, but the row has a step of its "
          "own; keep one"}},
        [](const std::string& rows) {
          return NetworkTexts{.islands = "island,step,speed\n" + rows};
        });
}

TEST_CASE("mistakes in what lies between regions are told", "[mistakes]") {
  const auto with = [](const std::string& islands) {
    return [islands](const std::string& rows) {
      return NetworkTexts{.islands = "island,region,name\n" + islands,
                          .regions = "from,to,delay,rate,loss\n" + rows};
    };
  };
  check({{"eu,us,40ms,,\neu,asia,90ms,,\n",
          "regions.csv: no row for us and asia; add one, or a row for all others: *,*,40ms"},
         {"", "regions.csv: no row for eu and us; add one, or a row for all others: *,*,40ms"},
         {"eu,us,40ms,,\neu,us,41ms,,\n",
          "regions.csv:3: column 'from': there is a row for eu>us already; keep one"},
         {"*,*,40ms,,\n*,*,41ms,,\n",
          "regions.csv:3: column 'from': there is a row for *>* already; keep one"},
         {"eu,eu,1ms,,\n",
          "regions.csv:2: column 'to': within region eu there are only access links; delete the "
          "row"},
         {"eu,mars,1ms,,\n",
          "regions.csv:2: column 'to': there is no region 'mars'; there are eu, us and asia"},
         {"lyon,us,1ms,,\n",
          "regions.csv:2: column 'from': there is no region 'lyon'; there are eu, us and asia"},
         {"0,us,1ms,,\n",
          "regions.csv:2: column 'from': there is no region '0'; there are eu, us and asia"},
         {"*,us,1ms,,\n",
          "regions.csv:2: column 'from': there is no region '*'; there are eu, us and asia"},
         {"eu,us,,,\n", "regions.csv:2: column 'delay': '' is empty; write e.g. 80ms"},
         {"eu,us,-1ms,,\n", "regions.csv:2: column 'delay': '-1ms' is negative; write e.g. 80ms"},
         {"eu,us,1ms,0,\n",
          "regions.csv:2: column 'rate': '0' lets nothing through; write e.g. 20mbit, or take the "
          "link down with a link_down event"},
         {"eu,us,1ms,,100%\n",
          "regions.csv:2: column 'loss': '100%' lets nothing through; write e.g. 2%, or take the "
          "link down with a link_down event"}},
        with("0,eu,lyon\n1,us,\n2,asia,\n"));
  check(
      {{"eu,us,1ms,,\n", "regions.csv:2: column 'to': there is no region 'us'; there is only eu"}},
      with("*,eu,\n"));
  check({{"*,*,1ms,,\n",
          "regions.csv: island 2 is in no region; give it one in network.islands, column region"}},
        with("0,eu,\n1,us,\n"));
  CHECK(
      complaint({.links = "from,to,rate,delay\n*,*,1mbit,1ms\n",
                 .islands = "island,region\n*,eu\n",
                 .regions = "from,to,delay\n"}) ==
      "regions.csv: network.links has a link for each pair, so nothing lies between regions; write "
      "regions as from and to there, or give access links (island,up,down,delay)");
  CHECK(complaint({.islands = "island,region\n0,eu\n*,us\n",
                   .bottlenecks = "name,from,to,rate,delay\na,*,*,1mbit,1ms\nb,*,*,1mbit,1ms\n",
                   .regions = "from,to,delay\n*,*,40ms\n"}) ==
        "bottlenecks.csv: from island 0 to 1 there are 5 links (0.up, a, b, eu>us, 1.down); a path "
        "has at most 4: take a bottleneck away");
}

TEST_CASE("mistakes in bottlenecks are told", "[mistakes]") {
  check(
      {{",0,1,1mbit,1ms,\n",
        "bottlenecks.csv:2: column 'name': '' is no name; write letters, digits, - and _, not "
        "digits only, e.g. lyon"},
       {"0.up,0,1,1mbit,1ms,\n",
        "bottlenecks.csv:2: column 'name': '0.up' is no name; write letters, digits, - and _, not "
        "digits only, e.g. lyon"},
       {"b,0,1,1mbit,1ms,\nb,1,0,1mbit,1ms,\n",
        "bottlenecks.csv:3: column 'name': there is a bottleneck 'b' already; write another name, "
        "e.g. b-2"},
       {"eu,0,1,1mbit,1ms,\n",
        "bottlenecks.csv:2: column 'name': there is an island or region 'eu' already; write "
        "another name, e.g. eu-2"},
       {"b,us,1,1mbit,1ms,\n",
        "bottlenecks.csv:2: column 'from': there is no island or region 'us'; run.islands = 3 "
        "makes 0 to 2, and * is all others"},
       {"b,eu,,1mbit,1ms,\n",
        "bottlenecks.csv:2: column 'to': there is no island or region ''; run.islands = 3 makes 0 "
        "to 2, and * is all others"},
       {"b,eu,*,1,1ms,\n", "bottlenecks.csv:2: column 'rate': '1' has no unit; write e.g. 20mbit"},
       {"b,eu,*,1mbit,1h,\n",
        "bottlenecks.csv:2: column 'delay': '1h' is more than 60s; write e.g. 20ms"},
       {"b,eu,*,1mbit,1ms,1\n",
        "bottlenecks.csv:2: column 'loss': '1' lets nothing through; write e.g. 2%, or take the "
        "link down with a link_down event"},
       {"b,0,0,1mbit,1ms,\n",
        "bottlenecks.csv:2: column 'name': no island sends to another through 'b'; write from and "
        "to "
        "between which others lie, or delete the row"},
       {"b,eu,*,1mbit,1ms,\nc,,,1mbit,1ms,\n",
        "bottlenecks.csv:3: column 'name': no island sends to another through 'c'; name it in a "
        "`via` of the links, or give from and to, or delete the row"},
       {"a,*,*,1mbit,1ms,\nb,eu,*,1mbit,1ms,\nc,0,1,1mbit,1ms,\n",
        "bottlenecks.csv: from island 0 to 1 there are 5 links (0.up, a, b, c, 1.down); a path "
        "has at most 4: take a bottleneck away"}},
      [](const std::string& rows) {
        return NetworkTexts{.islands = "island,region\n0,eu\n",
                            .bottlenecks = "name,from,to,rate,delay,loss\n" + rows};
      });
}

// --- whatever stands there ---

NetworkTexts everything() {
  return {
      .links =
          "from,to,rate,delay,loss,via,bursts\n*,*,1mbit,1ms,,,\n0,eu,2mbit,2ms,1%,pipe,\n"
          "lyon,1,3mbit,3ms,,pipe+cable,1%/1\n",
      .islands = "island,name,region,step,jitter,start\n0,lyon,eu,80ms,,\n1,,eu,,2%,3s\n*,,us,,,\n",
      .bottlenecks =
          "name,from,to,rate,delay,loss\ncable,us,*,1gbit,40ms,0.1%\n"
          "pipe,,,1gbit,1ms,\n",
      .events =
          "time,kind,subject,value\n1s,link_down,0>1,\n2s,link_up,lyon>1,\n"
          "2s,rate,cable,5mbit\n3s,delay,0.up,5ms\n4s,loss,1,2%\n"
          "5s,trace,2>1,trace.csv\n6s,outages,pipe+cable,9s/1s\n7s,island_pause,0,1s\n"
          "8s,island_silent,2,1s\n9s,island_kill,2,\n10s,island_join,2,\n"
          "11s,island_leave,lyon,\n11s,background,pipe,30%/1MB\n",
      .trace = "time,rate,delay\n0s,1mbit,30ms\n1s,2mbit,\n2s,,40ms\n3s,,\n"};
}

/// With access links, what lies between regions, and traces of all formats.
NetworkTexts other_forms() {
  return {.links =
              "island,up,down,delay,loss,jitter,queue\n*,1mbit,1mbit,1ms,,,\n"
              "eu,2mbit,inf,2ms,1%,1ms,64KiB\n",
          .islands = "island,region,speed,jitter\n0,eu,0.5x,\n*,us,2x,1%\n",
          .bottlenecks = "name,from,to,rate,delay\ncable,us,*,1gbit,40ms\n",
          .events =
              "time,kind,subject,value\n0s,trace,0.up,t.up clip\n0s,trace,0.down,t.log\n"
              "1s,trace,1.up,trace.csv loop\n2s,flapping,us>eu,2s/10ms\n"
              "3s,island_speed,2,0.25x\n4s,loss,cable,1%\n",
          .regions = "from,to,delay,rate,loss\neu,us,40ms,10mbit,\nus,eu,41ms,,0.1%\n",
          .trace = "time,rate,delay,loss\n0s,1mbit,30ms,1%\n1s,2mbit,,\n2s,,40ms,0\n3s,,,\n",
          .more = {{"t.up", "3\n7\n7\n12\n45\n"},
                   {"t.log",
                    "1289406399 549692 59.85 10.78 248069 1008\n"
                    "1289406400 550772 59.85 10.78 191698 1080\n"}}};
}

/// Replaces, doubles or removes a byte, or writes a piece of one file into another.
void spoil(NetworkTexts& texts, Rng& rng) {
  using namespace std::string_view_literals;
  std::vector<std::string*> files{&texts.links,   &texts.islands, &texts.bottlenecks,
                                  &texts.regions, &texts.events,  &texts.trace};
  for (auto& [name, more] : texts.more) files.push_back(&more);
  std::string& text = *files[rng.below(files.size())];
  if (text.empty()) return;
  const std::size_t at = rng.below(text.size());
  constexpr std::string_view kBytes = ",,,\n\n*+>.#-0129abms%\0\r\xff"sv;
  switch (rng.below(4)) {
    case 0: text[at] = kBytes[rng.below(kBytes.size())]; return;
    case 1: text.insert(at, 1, kBytes[rng.below(kBytes.size())]); return;
    case 2: text.erase(at, 1 + rng.below(4)); return;
    default: {
      const std::string& other = *files[rng.below(files.size())];
      if (!other.empty()) text.insert(at, other.substr(rng.below(other.size()), 1 + rng.below(12)));
    }
  }
}

TEST_CASE("whatever stands in the files, they are read or refused in one line", "[mistakes]") {
  REQUIRE(complaint(everything()) == "accepted");
  REQUIRE(complaint(other_forms()) == "accepted");
  const std::uint64_t seed = test_seed();
  int accepted = 0, refused = 0;
  for (std::uint64_t round = 0; round < 800; ++round) {
    Rng rng(seed, "spoiled files", round);
    NetworkTexts texts = round % 2 == 0 ? everything() : other_forms();
    spoil(texts, rng);
    if (rng.below(3) == 0) spoil(texts, rng);
    const std::string line = complaint(texts);
    INFO("--rng-seed " << seed << ", round " << round << ": " << line);
    if (line == "accepted") {
      ++accepted;
      continue;
    }
    ++refused;
    CHECK((line.find(".csv") != std::string::npos || line.starts_with("t.")));
    CHECK(std::none_of(line.begin(), line.end(),
                       [](unsigned char c) { return c < 0x20 && c != '\t'; }));
  }
  CHECK(accepted > 0);
  CHECK(refused > 0);
}

}  // namespace
}  // namespace strait
