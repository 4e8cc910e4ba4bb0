// Mistakes in events.csv and in the traces it names: each is one line, as those of the other files
// (network_mistakes_test.cc).
#include "tests/sim/network_mistakes.h"

namespace strait {
namespace {

NetworkTexts with_events(const std::string& rows) {
  return {.islands = "island,start\n2,100s\n", .events = "time,kind,subject,value\n" + rows};
}

TEST_CASE("mistakes in any event are told", "[mistakes]") {
  check({{"soon,link_down,0,\n",
          "events.csv:2: column 'time': 'soon' is not a duration; write e.g. 80ms"},
         {"-1s,link_down,0,\n", "events.csv:2: column 'time': '-1s' is negative; write e.g. 80ms"},
         {"1,link_down,0,\n", "events.csv:2: column 'time': '1' has no unit; write e.g. 80ms"},
         {"5s,link_down,1,\n3s,link_up,1,\n",
          "events.csv:3: column 'time': '3s' is before the event above (5s); rows are in the order "
          "of time"},
         {"1s,link_gone,0,\n",
          "events.csv:2: column 'kind': 'link_gone' is unknown; the kinds are link_down, link_up, "
          "rate, delay, loss, trace, outages, flapping, background, island_pause, island_speed, "
          "island_silent, "
          "island_kill, "
          "island_leave, island_join"},
         {"1s,link_down,1,3s\n",
          "events.csv:2: column 'value': '3s' has no meaning here; leave it empty"},
         {"1s,link_down,1,\n2s,link_up,1,now\n",
          "events.csv:3: column 'value': 'now' has no meaning here; leave it empty"},
         {"1s,island_kill,1,now\n",
          "events.csv:2: column 'value': 'now' has no meaning here; leave it empty"},
         {"1s,island_leave,1,1s\n",
          "events.csv:2: column 'value': '1s' has no meaning here; leave it empty"},
         {"1s,island_join,1,1s\n",
          "events.csv:2: column 'value': '1s' has no meaning here; leave it empty"}},
        with_events);
}

TEST_CASE("subjects of link events that are none are told", "[mistakes]") {
  check(
      {{"1s,link_down,7,\n",
        "events.csv:2: column 'subject': there is no island '7'; run.islands = 3 makes 0 to 2"},
       {"1s,link_down,0.left,\n",
        "events.csv:2: column 'subject': there is no island '0.left'; run.islands = 3 makes 0 to "
        "2"},
       {"1s,rate,atlantic,1mbit\n",
        "events.csv:2: column 'subject': there is no island 'atlantic'; run.islands = 3 makes 0 "
        "to 2"},
       {"1s,link_down,,\n",
        "events.csv:2: column 'subject': '' names no link; write an island, e.g. 0, or 0.up, "
        "0>1, or the name of a bottleneck"},
       {"1s,link_down,0>1,\n",
        "events.csv:2: column 'subject': there is no link '0>1': here each island has an access "
        "link; write 0.up or 1.down"},
       {"1s,link_down,0>9,\n",
        "events.csv:2: column 'subject': there is no island '9'; run.islands = 3 makes 0 to 2"},
       {"1s,link_down,1>1,\n", "events.csv:2: column 'subject': there is no link '1>1' to itself"},
       {"1s,link_down,1+1.up,\n",
        "events.csv:2: column 'subject': '1+1.up' names link 1.up twice; keep one"},
       {"1s,link_down,.up,\n",
        "events.csv:2: column 'subject': there is no island ''; run.islands = 3 makes 0 to 2"}},
      with_events);
  CHECK(complaint({.links = "from,to,rate,delay\n*,*,1mbit,1ms\n",
                   .events = "time,kind,subject,value\n1s,link_down,0,\n",
                   .count = 1}) ==
        "events.csv:2: column 'subject': '0' names no link; write an island, e.g. 0, or 0.up, 0>1, "
        "or the name of a bottleneck");
}

TEST_CASE("link events that cannot be are told", "[mistakes]") {
  check(
      {{"1s,link_up,1,\n",
        "events.csv:2: column 'subject': link 1.up is not down here; a link_up follows a link_down "
        "of the same subject"},
       {"1s,link_down,1.up,\n2s,link_up,1,\n",
        "events.csv:3: column 'subject': link 1.down is not down here; a link_up follows a "
        "link_down of the same subject"},
       {"1s,link_down,1,\n2s,link_down,1.up,\n",
        "events.csv:3: column 'subject': link 1.up is down already, since 1s"},
       {"1s,link_down,1,\n1s,link_up,1,\n",
        "events.csv:3: column 'time': the outage of link 1.up ends when it begins, at 1s"},
       {"1s,rate,1,\n", "events.csv:2: column 'value': '' is empty; write e.g. 20mbit"},
       {"1s,rate,1,20ms\n",
        "events.csv:2: column 'value': '20ms' is not a rate; write e.g. 20mbit"},
       {"1s,rate,1,0mbit\n",
        "events.csv:2: column 'value': '0mbit' lets nothing through; write e.g. 20mbit, or take "
        "the link down with a link_down event"},
       {"1s,delay,1,80\n", "events.csv:2: column 'value': '80' has no unit; write e.g. 80ms"},
       {"1s,delay,1,61s\n",
        "events.csv:2: column 'value': '61s' is more than 60s; write e.g. 20ms"},
       {"1s,loss,1,\n",
        "events.csv:2: column 'value': '' is empty; write e.g. 2%, or 0 for no "
        "loss"},
       {"1s,loss,1,7\n",
        "events.csv:2: column 'value': '7' is not a fraction from 0 to 1; write e.g. 0.02 or 2%"},
       {"1s,loss,1,100%\n",
        "events.csv:2: column 'value': '100%' lets nothing through; write e.g. 2%, or take the "
        "link down with a link_down event"}},
      with_events);
}

TEST_CASE("traces and outages that cannot be are told", "[mistakes]") {
  check(
      {{"1s,trace,1,trace.csv\n",
        "events.csv:2: column 'subject': '1' is 2 links; a trace is for one, e.g. 1.down"},
       {"1s,trace,1.up,\n",
        "events.csv:2: column 'value': '' is empty; write the name of a trace's file"},
       {"1s,trace,1.up,clip\n",
        "events.csv:2: column 'value': there is no file clip; write its path from the folder of "
        "this file, and loop or clip behind it"},
       {"1s,trace,1.up,trace.csv once\n",
        "events.csv:2: column 'value': there is no file trace.csv once; write its path from the "
        "folder of this file, and loop or clip behind it"},
       {"1s,trace,1.up,lossy.csv\n2s,loss,1,2%\n",
        "events.csv:3: column 'subject': link 1.up follows a trace, since 1s, which sets its loss"},
       {"1s,trace,1.up,trace.csv\n2s,loss,1.up,2%\n", "accepted"},
       {"1s,trace,1.up,lte.csv\n",
        "events.csv:2: column 'value': there is no file lte.csv; write its path from the folder "
        "of this file, and loop or clip behind it"},
       {"1s,trace,1.up,trace.csv\n2s,rate,1,2mbit\n",
        "events.csv:3: column 'subject': link 1.up follows a trace, since 1s, which sets its rate "
        "and delay"},
       {"1s,trace,1.up,trace.csv\n2s,delay,1.up,2ms\n",
        "events.csv:3: column 'subject': link 1.up follows a trace, since 1s, which sets its rate "
        "and delay"},
       {"1s,trace,1.up,trace.csv\n2s,trace,1.up,trace.csv\n",
        "events.csv:3: column 'subject': link 1.up follows a trace already, since 1s"},
       {"1s,outages,1,60s\n",
        "events.csv:2: column 'value': '60s' is not two durations; write how long it is up and how "
        "long down on average, e.g. 60s/3s"},
       {"1s,outages,1,60s/3\n", "events.csv:2: column 'value': '3' has no unit; write e.g. 80ms"},
       {"1s,outages,1,60s/0\n",
        "events.csv:2: column 'value': '60s/0' has a duration below 1ms; write e.g. 60s/3s"},
       {"1s,outages,1,60s/3s\n2s,outages,1.up,60s/3s\n",
        "events.csv:3: column 'subject': link 1.up has random outages already, since 1s"},
       {"1s,outages,1,60s/3s\n2s,link_down,1.down,\n",
        "events.csv:3: column 'subject': link 1.down has random outages, since 1s; a link_down "
        "would contradict that"},
       {"1s,flapping,1,60s\n",
        "events.csv:2: column 'value': '60s' is not two durations; write how long it is up and how "
        "long down, e.g. 60s/3s"},
       {"1s,flapping,1,0.1ms/1s\n",
        "events.csv:2: column 'value': '0.1ms/1s' has a duration below 1ms; write e.g. 60s/3s"},
       {"1s,flapping,1,60s/3s\n2s,outages,1.up,60s/3s\n",
        "events.csv:3: column 'subject': link 1.up is flapping already, since 1s"},
       {"1s,flapping,1,60s/3s\n2s,link_down,1.up,\n",
        "events.csv:3: column 'subject': link 1.up is flapping, since 1s; a link_down would "
        "contradict that"},
       {"1s,background,1,30%\n",
        "events.csv:2: column 'value': '30%' is not a share and a size; write the share of the "
        "rate that others use and the mean size of their transfers, e.g. 30%/1MB"},
       {"1s,background,1,3/1MB\n",
        "events.csv:2: column 'value': '3' is not a fraction from 0 to 1; write e.g. 0.02 or 2%"},
       {"1s,background,1,0%/1MB\n",
        "events.csv:2: column 'value': '0%/1MB' is no traffic; write the share of the rate that "
        "others use and the mean size of their transfers, e.g. 30%/1MB"},
       {"1s,background,1,30%/1B\n",
        "events.csv:2: column 'value': '30%/1B' has no size from 1kB to 1TB; write the share of "
        "the rate that others use and the mean size of their transfers, e.g. 30%/1MB"},
       {"1s,background,1.up,30%/1MB\n2s,background,1,30%/1MB\n",
        "events.csv:3: column 'subject': link 1.up has background traffic already; keep one row of "
        "it"},
       {"1s,outages,1,60s/3s\n2s,link_up,1.down,\n",
        "events.csv:3: column 'subject': link 1.down is not down here; a link_up follows a "
        "link_down of the same subject"},
       {"1s,link_down,1,\n2s,outages,1,60s/3s\n",
        "events.csv:3: column 'subject': link 1.up is down, since 1s; outages begin with a link "
        "that is up"}},
      [](const std::string& rows) {
        NetworkTexts texts = with_events(rows);
        texts.trace = "time,rate,delay\n0s,1mbit,\n1s,,\n";
        texts.more["lossy.csv"] = "time,rate,delay,loss\n0s,1mbit,,1%\n1s,,,\n";
        return texts;
      });
}

TEST_CASE("mistakes in a trace are told", "[mistakes]") {
  check(
      {{"0s,1mbit,\n",
        "trace.csv: the last row has to say when the trace begins anew, without values, e.g. "
        "60s,,; or write clip behind the file's name, and the last row holds for good"},
       {"",
        "trace.csv: the last row has to say when the trace begins anew, without values, e.g. "
        "60s,,; or write clip behind the file's name, and the last row holds for good"},
       {"1s,1mbit,\n",
        "trace.csv:2: column 'time': '1s' is not the beginning; the first row is at 0s"},
       {"0s,,\n", "trace.csv:2: column 'rate': the first row has no values; write e.g. 0s,20mbit,"},
       {"0s,1mbit,\n1s,2mbit,\n1s,3mbit,\n",
        "trace.csv:4: column 'time': '1s' is not 1ms after the row above (1s) or more"},
       {"0s,1mbit,\n0.1ms,,\n",
        "trace.csv:3: column 'time': '0.1ms' is not 1ms after the row above (0s) or more"},
       {"0s,1mbit,\n1s,,\n2s,1mbit,\n",
        "trace.csv:4: the row above has no values, so the trace ends there at 1s; give it one, or "
        "delete this row"},
       {"0s,0mbit,\n1s,,\n",
        "trace.csv:2: column 'rate': '0mbit' lets nothing through; write e.g. 20mbit, or take the "
        "link down with a link_down event"},
       {"0s,1mbit,2m\n1s,,\n",
        "trace.csv:2: column 'delay': '2m' is more than 60s; write e.g. 20ms"},
       {"0s,1mbit\n1s,,\n",
        "trace.csv:2: a column is missing (an empty one needs its comma too); the columns are "
        "time,rate,delay"}},
      [](const std::string& rows) {
        NetworkTexts texts = with_events("1s,trace,1.up,trace.csv\n");
        texts.trace = "time,rate,delay\n" + rows;
        return texts;
      });
}

// Island 2 starts at 100 s.
TEST_CASE("island events that cannot be are told", "[mistakes]") {
  check(
      {{"1s,island_pause,0.up,1s\n",
        "events.csv:2: column 'subject': '0.up' is one direction of a link; an island_pause is for "
        "an island, e.g. 0"},
       {"1s,island_kill,9,\n",
        "events.csv:2: column 'subject': there is no island '9'; run.islands = 3 makes 0 to 2"},
       {"1s,island_kill,0+1,\n",
        "events.csv:2: column 'subject': there is no island '0+1'; run.islands = 3 makes 0 to 2"},
       {"1s,island_pause,1,\n", "events.csv:2: column 'value': '' is empty; write e.g. 80ms"},
       {"1s,island_pause,1,0\n",
        "events.csv:2: column 'value': an island_pause of 0 is none; write how long it lasts, e.g. "
        "5s"},
       {"1s,island_speed,1,\n", "events.csv:2: column 'value': '' is empty; write e.g. 0.5x"},
       {"1s,island_speed,1,5s\n",
        "events.csv:2: column 'value': '5s' is not a speed; write e.g. 0.5x"},
       {"1s,island_speed,7,0.5x\n",
        "events.csv:2: column 'subject': there is no island '7'; run.islands = 3 makes 0 to 2"},
       {"1s,island_silent,1,0s\n",
        "events.csv:2: column 'value': an island_silent of 0 is none; write how long it lasts, "
        "e.g. 5s"},
       {"1s,island_silent,1,5\n", "events.csv:2: column 'value': '5' has no unit; write e.g. 80ms"},
       {"106751d,island_pause,1,1d\n",
        "events.csv:2: column 'value': '1d' never ends; write e.g. 5s"},
       {"1s,island_join,1,\n",
        "events.csv:2: column 'subject': island 1 is there; an island_join follows an island_kill "
        "or island_leave"},
       {"1s,island_kill,1,\n1s,island_join,1,\n",
        "events.csv:3: column 'time': island 1 joins when it goes, at 1s; write a later time"},
       {"1s,island_kill,1,\n2s,island_kill,1,\n",
        "events.csv:3: column 'subject': island 1 is gone, since 1s; an island_join brings it "
        "back"},
       {"1s,island_leave,1,\n2s,island_pause,1,1s\n",
        "events.csv:3: column 'subject': island 1 is gone, since 1s; an island_join brings it "
        "back"},
       {"1s,island_kill,1,\n2s,island_silent,1,1s\n",
        "events.csv:3: column 'subject': island 1 is gone, since 1s; an island_join brings it "
        "back"},
       {"1s,island_kill,1,\n2s,island_join,1,\n3s,island_join,1,\n",
        "events.csv:4: column 'subject': island 1 is there; an island_join follows an island_kill "
        "or island_leave"},
       {"1s,island_silent,1,5s\n2s,island_silent,1,5s\n",
        "events.csv:3: column 'subject': island 1 is silent already, until 6s"},
       {"1s,island_silent,1,\n2s,island_kill,1,\n",
        "events.csv:3: column 'subject': island 1 is silent for good, since 1s; nothing happens to "
        "it any more"},
       {"1s,island_silent,1,\n2s,island_join,1,\n",
        "events.csv:3: column 'subject': island 1 is silent for good, since 1s; nothing happens to "
        "it any more"},
       {"99s,island_kill,2,\n",
        "events.csv:2: column 'subject': island 2 is not there before 100s, its start"},
       {"99s,island_join,2,\n",
        "events.csv:2: column 'subject': island 2 joins at 100s anyway, its start; keep one"},
       {"100s,island_join,2,\n",
        "events.csv:2: column 'subject': island 2 is there; an island_join follows an island_kill "
        "or island_leave"}},
      with_events);
  CHECK(complaint({.links = "from,to,rate,delay\n*,*,1mbit,1ms\n",
                   .events = "time,kind,subject,value\n1s,island_kill,0>1,\n"}) ==
        "events.csv:2: column 'subject': '0>1' is a link; an island_kill is for an island, e.g. 0");
}

}  // namespace
}  // namespace strait
