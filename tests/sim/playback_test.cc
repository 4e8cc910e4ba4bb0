#include "netsim/playback.h"

#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

NetworkDescription two_links() {
  NetworkDescription description;
  description.links = {{.name = "a"}, {.name = "b"}};
  return description;
}

TEST_CASE("nothing to play is never", "[playback]") {
  CHECK(LinkPlayback(two_links()).next() == kNever);
}

TEST_CASE("traces of several links are played in the order of time, again and again",
          "[playback]") {
  NetworkDescription description = two_links();
  description.traces = {
      {.link = 1, .start = ms(50), .period = ms(30), .rows = {{Nanos{0}, megabits(1), ms(4)}}},
      {.link = 0,
       .start = ms(50),
       .period = ms(40),
       .rows = {{Nanos{0}, megabits(2), {}}, {ms(10), {}, ms(7)}}}};
  LinkPlayback playback(description);
  struct Expected {
    Nanos time;
    int link;
    std::optional<BytesPerSecond> rate;
    std::optional<Nanos> delay;
  };
  const Expected expected[] = {
      {ms(50), 1, megabits(1), ms(4)},  // of one time: in the order of the description
      {ms(50), 0, megabits(2), {}},    {ms(60), 0, {}, ms(7)},  {ms(80), 1, megabits(1), ms(4)},
      {ms(90), 0, megabits(2), {}},    {ms(100), 0, {}, ms(7)}, {ms(110), 1, megabits(1), ms(4)},
  };
  for (const Expected& e : expected) {
    CHECK(playback.next() == e.time);
    const LinkChange change = playback.take();
    CHECK(change.time == e.time);
    CHECK(change.links == std::vector<int>{e.link});
    CHECK(change.rate == e.rate);
    CHECK(change.delay == e.delay);
    CHECK(!change.up);
  }
}

TEST_CASE("a trace without a period is played once", "[playback]") {
  NetworkDescription description = two_links();
  description.traces = {{.link = 0, .rows = {{Nanos{0}, megabits(1)}, {ms(10), {}, {}, 500}}},
                        {.link = 1, .period = ms(40), .rows = {{Nanos{0}, megabits(3)}}}};
  LinkPlayback playback(description);
  CHECK(playback.take().rate == megabits(1));
  CHECK(playback.take().links == std::vector<int>{1});
  const LinkChange last = playback.take();
  CHECK(last.links == std::vector<int>{0});
  CHECK(last.loss_ppm == 500);
  for (int i = 1; i < 10; ++i) {
    CHECK(playback.next() == i * ms(40));
    CHECK(playback.take().links == std::vector<int>{1});
  }
  description.traces.pop_back();
  LinkPlayback alone(description);
  alone.take();
  alone.take();
  CHECK(alone.next() == kNever);
}

TEST_CASE("outages take all their links down and up by turns", "[playback]") {
  NetworkDescription description = two_links();
  description.outages = {
      {.name = "both", .links = {0, 1}, .start = ms(1), .mean_up = ms(500), .mean_down = ms(100)},
      {.name = "b", .links = {1}, .mean_up = ms(90), .mean_down = ms(90)}};
  LinkPlayback playback(description);
  OutageGenerator both(description.seed, description.outages[0]);
  OutageGenerator one(description.seed, description.outages[1]);
  Nanos last{0};
  int of_both = 0;
  for (int i = 0; i < 500; ++i) {
    const LinkChange change = playback.take();
    CHECK(change.time >= last);
    last = change.time;
    const bool is_both = change.links.size() == 2;
    const OutageGenerator::Toggle toggle = is_both ? both.next() : one.next();
    CHECK(change.time == toggle.time);
    CHECK(change.up == toggle.up);
    of_both += is_both;
  }
  CHECK(of_both > 50);
}

}  // namespace
}  // namespace strait
