#include "netsim/description.h"

#include "tests/sim/model_world.h"
#include "tests/sim/network_files.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using Links = std::vector<int>;

TEST_CASE("access links are an up and a down for each island", "[description]") {
  const NetworkDescription network = describe_network(
      {{megabits(1), megabits(2), ms(3), 4}, {megabits(5), megabits(6), ms(7)}}, {}, 1);
  REQUIRE(network.links.size() == 4);
  CHECK(network.links[0].name == "0.up");
  CHECK(network.links[0].rate == megabits(1));
  CHECK(network.links[1].name == "0.down");
  CHECK(network.links[1].rate == megabits(2));
  CHECK(network.links[1].loss_ppm == 4);
  CHECK(network.links[2].delay == ms(7));
  CHECK(network.places == 2);
  CHECK(network.place_of_peer == std::vector{1, 0, 1});
  CHECK(network.path(0, 0).empty());
  CHECK(network.path(0, 1) == Links{0, 3});
  CHECK(network.path(1, 0) == Links{2, 1});
}

TEST_CASE("a link event is of both directions or of one", "[description]") {
  const auto links = [](Direction direction) {
    return link_event(ms(1), NetworkEventKind::kLinkDown, 2, direction).links;
  };
  CHECK(links(Direction::kBoth) == Links{4, 5});
  CHECK(links(Direction::kUp) == Links{4});
  CHECK(links(Direction::kDown) == Links{5});
}

// --- from files ---

TEST_CASE("access links come from a file, with a row for all others", "[description]") {
  const NetworkDescription network = read({.links = "# three islands\n"
                                                    "island, up, down, delay, loss\n"
                                                    "\n"
                                                    "*,100mbit,inf,10ms,\n"
                                                    "# the slow one\n"
                                                    "2, 20mbit, 5 mbit, 1.5ms, 0.5%\n"},
                                          7);
  REQUIRE(network.links.size() == 6);
  CHECK(network.links[0].rate == megabits(100));
  CHECK(network.links[0].loss_ppm == 0);
  CHECK(network.links[3].rate == kUnlimited);
  CHECK(network.links[3].delay == ms(10));
  CHECK(network.links[4].rate == megabits(20));
  CHECK(network.links[5].rate == megabits(5));
  CHECK(network.links[5].delay == Nanos{1'500'000});
  CHECK(network.links[5].loss_ppm == 5'000);
  CHECK(network.place_of_peer == std::vector{0, 0, 1, 2});
  CHECK(network.path(2, 1) == Links{4, 3});
  CHECK(network.islands.size() == 3);
  CHECK(network.seed == 7);
}

TEST_CASE("columns may be in another order, and lines may end as Windows ends them",
          "[description]") {
  const NetworkDescription network =
      read({.links = "\xEF\xBB\xBF"
                     "delay,island,down,up\r\n1ms,*,8mbit,16mbit\r\n",
            .count = 2});
  CHECK(network.links[0].delay == ms(1));
  CHECK(network.links[0].rate == megabits(16));
  CHECK(network.links[3].rate == megabits(8));
}

constexpr const char* kRegions = "island,name,region\n0,lyon,eu\n1,kyoto,asia\n2,paris,eu\n3,,\n";

TEST_CASE("islands have names, regions, speeds and a time to come", "[description]") {
  const NetworkDescription network = read({.islands = "start,island,name,region,step,jitter\n"
                                                      ",1,kyoto,asia,300ms,10%\n"
                                                      "20s,*,,eu,,\n"});
  REQUIRE(network.islands.size() == 3);
  CHECK(network.islands[1].name == "kyoto");
  CHECK(network.islands[1].region == "asia");
  CHECK(network.islands[1].step == ms(300));
  CHECK(network.islands[1].jitter == 0.1);
  CHECK(network.islands[1].start == Nanos{0});
  CHECK(network.islands[2].region == "eu");
  CHECK(!network.islands[2].step);
  CHECK(!network.islands[2].jitter);
  CHECK(network.islands[2].start == ms(20'000));
}

TEST_CASE("links and events may call islands by name", "[description]") {
  const NetworkDescription network =
      read({.links = "island,up,down,delay\n*,1mbit,1mbit,1ms\nkyoto,2mbit,1mbit,1ms\n",
            .islands = kRegions,
            .events = "time,kind,subject,value\n1s,link_down,paris.up,\n2s,island_kill,lyon,\n",
            .count = 4});
  CHECK(network.links[2].rate == megabits(2));
  CHECK(network.links[2].name == "1.up");  // numbers, so that names change no random draw
  CHECK(network.events[0].links == Links{4});
  CHECK(network.events[1].island == 0);
}

TEST_CASE("each pair of islands may have a link of its own", "[description]") {
  const NetworkDescription network = read({.links = "from,to,rate,delay,loss\n"
                                                    "*,*,1mbit,1ms,\n"
                                                    "0,1,2mbit,2ms,1%\n"
                                                    "2,*,3mbit,3ms,\n"});
  REQUIRE(network.links.size() == 6);  // 0>1 0>2 1>0 1>2 2>0 2>1
  CHECK(network.links[0].name == "0>1");
  CHECK(network.links[0].rate == megabits(2));
  CHECK(network.links[0].delay == ms(2));
  CHECK(network.links[0].loss_ppm == 10'000);
  CHECK(network.links[2].name == "1>0");
  CHECK(network.links[2].rate == megabits(1));
  CHECK(network.links[5].name == "2>1");
  CHECK(network.links[5].rate == megabits(3));
  CHECK(network.path(2, 1) == Links{5});
  CHECK(network.path(1, 1).empty());
}

// lyon and paris are in eu, kyoto in asia, island 3 nowhere. By `from` first, then by `to`.
TEST_CASE("the row that says the most about a pair counts", "[description]") {
  const NetworkDescription network = read({.links = "from,to,rate,delay\n"
                                                    "*,*,1mbit,1ms\n"
                                                    "*,kyoto,2mbit,1ms\n"
                                                    "eu,*,3mbit,1ms\n"
                                                    "eu,asia,4mbit,1ms\n"
                                                    "eu,eu,5mbit,1ms\n"
                                                    "paris,*,6mbit,1ms\n"
                                                    "paris,lyon,7mbit,1ms\n",
                                           .islands = kRegions,
                                           .count = 4});
  const auto rate = [&](int from, int to) {
    return network.links[static_cast<std::size_t>(network.path(from, to).front())].rate;
  };
  CHECK(rate(1, 3) == megabits(1));
  CHECK(rate(3, 1) == megabits(2));
  CHECK(rate(0, 3) == megabits(3));
  CHECK(rate(0, 1) == megabits(4));  // not 2: eu says more about lyon than * does
  CHECK(rate(0, 2) == megabits(5));
  CHECK(rate(2, 1) == megabits(6));  // not 4: paris says more than eu
  CHECK(rate(2, 0) == megabits(7));
}

TEST_CASE("bottlenecks are on the paths of whom they name", "[description]") {
  const NetworkDescription network = read({.islands = kRegions,
                                           .bottlenecks = "name,from,to,rate,delay,loss\n"
                                                          "west,eu,*,10mbit,40ms,0.1%\n"
                                                          "east,*,eu,20mbit,40ms,\n"
                                                          "pair,lyon,1,5mbit,1ms,\n",
                                           .count = 4});
  REQUIRE(network.links.size() == 11);  // 8 access links, then the bottlenecks
  CHECK(network.links[8].name == "west");
  CHECK(network.links[8].loss_ppm == 1'000);
  CHECK(network.links[9].rate == megabits(20));
  CHECK(network.path(0, 1) == Links{0, 8, 10, 3});  // lyon to kyoto: west, and pair
  CHECK(network.path(0, 2) == Links{0, 5});         // within eu
  CHECK(network.path(2, 3) == Links{4, 8, 7});
  CHECK(network.path(1, 2) == Links{2, 9, 5});
  CHECK(network.path(1, 3) == Links{2, 7});  // neither is in eu
}

TEST_CASE("a pair's row may name the bottlenecks that it passes", "[description]") {
  const NetworkDescription network = read({.links = "from,to,rate,delay,via\n"
                                                    "*,*,1gbit,1ms,\n"
                                                    "0,2,1gbit,1ms,cable+pipe\n"
                                                    "1,2,1gbit,1ms,pipe\n",
                                           .bottlenecks = "name,from,to,rate,delay\n"
                                                          "pipe,,,10mbit,1ms\n"
                                                          "cable,,,20mbit,40ms\n"
                                                          "all,*,*,1gbit,0\n"});
  CHECK(network.path(0, 2) == Links{1, 6, 7, 8});
  CHECK(network.path(1, 2) == Links{3, 6, 8});
  CHECK(network.path(2, 1) == Links{5, 8});
}

TEST_CASE("access links may be those of a region", "[description]") {
  const NetworkDescription network =
      read({.links = "island,up,down,delay\neu,10mbit,1mbit,1ms\n*,20mbit,1mbit,1ms\n"
                     "1,30mbit,1mbit,1ms\n",
            .islands = "island,region\n0,eu\n1,eu\n2,us\n"});
  CHECK(network.links[0].rate == megabits(10));
  CHECK(network.links[2].rate == megabits(30));
  CHECK(network.links[4].rate == megabits(20));
}

TEST_CASE("between regions there is a link on top of the access links", "[description]") {
  const NetworkDescription network =
      read({.islands = "island,region\n0,eu\n1,eu\n2,us\n3,asia\n",
            .bottlenecks = "name,from,to,rate,delay\n"
                           "cable,eu,us,5mbit,2ms\n",
            .events = "time,kind,subject,value\n1s,delay,eu>us,80ms\n",
            .regions = "from,to,delay,rate,loss\n"
                       "eu,us,40ms,100mbit,0.1%\n"
                       "asia,us,70ms,,\n"
                       "us,asia,75ms,,\n"
                       "*,*,110ms,,\n",
            .count = 4});
  REQUIRE(network.links.size() == 8 + 6 + 1);
  const auto names = [&](int from, int to) {
    std::string text;
    for (const int link : network.path(from, to)) {
      text += network.links[static_cast<std::size_t>(link)].name + " ";
    }
    return text;
  };
  CHECK(names(0, 1) == "0.up 1.down ");
  CHECK(names(0, 2) == "0.up cable eu>us 2.down ");
  CHECK(names(2, 1) == "2.up us>eu 1.down ");
  CHECK(names(3, 2) == "3.up asia>us 2.down ");
  const auto link = [&](const std::string& name) {
    for (const LinkSpec& spec : network.links) {
      if (spec.name == name) return spec;
    }
    return LinkSpec{};
  };
  CHECK(link("eu>us").delay == ms(40));
  CHECK(link("us>eu").delay == ms(40));  // the same row
  CHECK(link("us>eu").rate == megabits(100));
  CHECK(link("us>eu").loss_ppm == 1'000);
  CHECK(link("asia>us").delay == ms(70));
  CHECK(link("asia>us").rate == kUnlimited);
  CHECK(link("us>asia").delay == ms(75));
  CHECK(link("asia>eu").delay == ms(110));
  REQUIRE(network.events.size() == 1);
  CHECK(network.links[static_cast<std::size_t>(network.events[0].links.at(0))].name == "eu>us");
}

TEST_CASE("events come from a file", "[description]") {
  const NetworkDescription network = read({.events = "time,kind,subject,value\n"
                                                     "10s,link_down,2,\n"
                                                     "11s,link_up,2.down,\n"
                                                     "12s,link_up,2.up,\n"
                                                     "12s,island_pause,1,1.5s\n"
                                                     "13s,rate,0.up,5mbit\n"
                                                     "13s,delay,0,80ms\n"
                                                     "13s,loss,0.down,2%\n"
                                                     "14s,loss,0.down,0\n"
                                                     "20s,island_silent,1,3s\n"
                                                     "21s,island_kill,0,\n"
                                                     "22s,island_join,0,\n"
                                                     "23s,island_leave,2,\n"
                                                     "24s,island_silent,1,\n"});
  using enum NetworkEventKind;
  const auto& events = network.events;
  REQUIRE(events.size() == 13);
  const NetworkEventKind kinds[] = {
      kLinkDown, kLinkUp,       kLinkUp,     kIslandPause, kLinkRate,    kLinkDelay,   kLinkLoss,
      kLinkLoss, kIslandSilent, kIslandKill, kIslandJoin,  kIslandLeave, kIslandSilent};
  for (std::size_t i = 0; i < events.size(); ++i) CHECK(events[i].kind == kinds[i]);
  CHECK(events[0].time == ms(10'000));
  CHECK(events[0].links == Links{4, 5});
  CHECK(events[1].links == Links{5});
  CHECK(events[3].island == 1);
  CHECK(events[3].links.empty());
  CHECK(events[3].duration == ms(1'500));
  CHECK(events[4].links == Links{0});
  CHECK(events[4].rate == megabits(5));
  CHECK(events[5].links == Links{0, 1});
  CHECK(events[5].delay == ms(80));
  CHECK(events[6].loss_ppm == 20'000);
  CHECK(events[7].loss_ppm == 0);
  CHECK(events[8].duration == ms(3'000));
  CHECK(events[12].duration == Nanos{0});  // for good
}

TEST_CASE("islands may be slower, always or from some time on", "[description]") {
  const NetworkDescription network = read({.islands = "island,speed\n*,2x\n1,0.25x\n",
                                           .events = "time,kind,subject,value\n"
                                                     "5s,island_speed,1,0.5x\n"
                                                     "9s,island_speed,1,1x\n"});
  CHECK(network.islands[0].speed_ppm == 2'000'000);
  CHECK(network.islands[1].speed_ppm == 250'000);
  REQUIRE(network.events.size() == 2);
  CHECK(network.events[0].kind == NetworkEventKind::kIslandSpeed);
  CHECK(network.events[0].island == 1);
  CHECK(network.events[0].links.empty());
  CHECK(network.events[0].speed_ppm == 500'000);
  CHECK(network.events[1].speed_ppm == 1'000'000);
}

TEST_CASE("the subject of a link event may be a pair, a bottleneck or several", "[description]") {
  const NetworkDescription network = read({.links = "from,to,rate,delay\n*,*,1mbit,1ms\n",
                                           .islands = kRegions,
                                           .bottlenecks = "name,from,to,rate,delay\n"
                                                          "east,eu,asia,1mbit,1ms\n"
                                                          "west,asia,eu,1mbit,1ms\n",
                                           .events = "time,kind,subject,value\n"
                                                     "1s,rate,0>2,2mbit\n"
                                                     "1s,rate,paris>lyon,2mbit\n"
                                                     "1s,rate,kyoto,2mbit\n"
                                                     "1s,rate,kyoto.up,2mbit\n"
                                                     "1s,rate,kyoto.down,2mbit\n"
                                                     "1s,rate,east+west,2mbit\n",
                                           .count = 4});
  const auto names = [&](std::size_t event) {
    std::string text;
    for (const int link : network.events[event].links) {
      text += network.links[static_cast<std::size_t>(link)].name + " ";
    }
    return text;
  };
  CHECK(names(0) == "0>2 ");
  CHECK(names(1) == "2>0 ");
  CHECK(names(2) == "1>0 0>1 1>2 2>1 1>3 3>1 ");
  CHECK(names(3) == "1>0 1>2 1>3 ");
  CHECK(names(4) == "0>1 2>1 3>1 ");
  CHECK(names(5) == "east west ");
}

TEST_CASE("a trace is read from beside the events and begins anew at its end", "[description]") {
  const NetworkDescription network = read({.events = "time,kind,subject,value\n"
                                                     "5s,trace,1.down,trace.csv\n",
                                           .trace = "time,rate,delay\n"
                                                    "0s,10mbit,30ms\n"
                                                    "1s,8mbit,\n"
                                                    "1.5s,,50ms\n"
                                                    "3s,,\n"});
  REQUIRE(network.traces.size() == 1);
  const LinkTrace& trace = network.traces[0];
  CHECK(trace.link == 3);
  CHECK(trace.start == ms(5'000));
  CHECK(trace.period == ms(3'000));
  REQUIRE(trace.rows.size() == 3);
  CHECK(trace.rows[0].rate == megabits(10));
  CHECK(trace.rows[0].delay == ms(30));
  CHECK(trace.rows[1].time == ms(1'000));
  CHECK(!trace.rows[1].delay);
  CHECK(!trace.rows[2].rate);
  CHECK(trace.rows[2].delay == ms(50));
  CHECK(network.events.empty());
}

TEST_CASE("random outages are of links together and named by numbers", "[description]") {
  const NetworkDescription network = read(
      {.islands = kRegions,
       .events = "time,kind,subject,value\n5s,outages,kyoto,60s/3s\n6s,outages,0.up+2,1m/1ms\n",
       .count = 4});
  REQUIRE(network.outages.size() == 2);
  CHECK(network.outages[0].name == "1");
  CHECK(network.outages[0].links == Links{2, 3});
  CHECK(network.outages[0].start == ms(5'000));
  CHECK(network.outages[0].mean_up == ms(60'000));
  CHECK(network.outages[0].mean_down == ms(3'000));
  CHECK(network.outages[1].name == "0.up+2");
  CHECK(network.outages[1].links == Links{0, 4, 5});
  CHECK(network.outages[1].mean_up == ms(60'000));
}

TEST_CASE("regular outages are called flapping", "[description]") {
  const NetworkDescription network =
      read({.events = "time,kind,subject,value\n5s,flapping,1+2.up,20s/500ms\n"});
  REQUIRE(network.outages.size() == 1);
  CHECK(network.outages[0].regular);
  CHECK(network.outages[0].links == Links{2, 3, 4});
  CHECK(network.outages[0].start == ms(5'000));
  CHECK(network.outages[0].mean_up == ms(20'000));
  CHECK(network.outages[0].mean_down == ms(500));
}

TEST_CASE("jitter, bursts and queues are a link's own", "[description]") {
  const NetworkDescription network =
      read({.links = "island,up,down,delay,loss,jitter,bursts,queue\n*,20mbit,10mbit,20ms,,,,\n"
                     "1,8mbit,8mbit,25ms,0.1%,5ms,0.5%/20,256KiB\n"});
  for (const int index : access_links(1)) {
    const LinkSpec& link = network.links[static_cast<std::size_t>(index)];
    CHECK(link.jitter == ms(5));
    CHECK(link.queue == 256 * 1024);
    // Of 4,000 packets 20 are lost in a burst: it begins after 3,980.
    CHECK(link.bursts == Bursts{251, 50'000});
    CHECK(link.bursts.lost_ppm() == Approx(5'000).epsilon(0.005));
    CHECK(delay_text(link) == "25ms+-5ms");
    CHECK(loss_text(link) == "0.1% + bursts 0.5%/20");
  }
  CHECK(alike(network.links[0], network.links[4]));
  CHECK(!alike(network.links[0], network.links[2]));
  // The round trip is the longest: 90 ms.
  CHECK(queue_rooms(network, 2, 1'514) ==
        std::vector<Bytes>{450'000, 225'000, 262'144, 262'144, 450'000, 225'000});
  CHECK(queue_rooms(network, 0.1, 1'514)[0] == 64 * 1'514);
  CHECK(path_figures(network, 1, 0).loss_ppm == Approx(5'995).epsilon(0.005));
}

TEST_CASE("what others send is a share of a link's rate", "[description]") {
  const NetworkDescription network =
      read({.events = "time,kind,subject,value\n5s,background,1,30%/1MB\n"});
  REQUIRE(network.background.size() == 2);
  CHECK(network.background[0].link == up_link(1));
  CHECK(network.background[0].start == ms(5'000));
  CHECK(network.background[0].load == megabits(6));  // of 20
  CHECK(network.background[1].load == megabits(3));  // of 10
  CHECK(network.background[1].transfer == 1'000'000);
}

TEST_CASE("a network is summed up in one line", "[description]") {
  CHECK(network_summary(read({})) ==
        "20mbit up, 10mbit down, 20ms per access link: RTT 80ms between islands");
  CHECK(network_summary(read({.links = "island,up,down,delay,loss\n*,1mbit,1mbit,5ms,0.5%\n"})) ==
        "1mbit up, 1mbit down, 5ms, loss 0.5% per access link: RTT 20ms between islands");
  CHECK(network_summary(read({.links = "island,up,down,delay\n*,20mbit,20mbit,20ms\n"
                                       "2,5mbit,20mbit,40ms\n"})) ==
        "6 links: 5mbit to 20mbit from island to island, RTT 80ms to 120ms");
  CHECK(
      network_summary(read({.bottlenecks = "name,from,to,rate,delay,loss\nb,*,*,1mbit,0,1%\n"})) ==
      "7 links: 1mbit from island to island, RTT 80ms, loss 1% at most");
}

}  // namespace
}  // namespace strait
