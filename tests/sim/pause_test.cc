#include "core/base/pause.h"

#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("pauses that overlap or touch become one", "[pause]") {
  const PauseSchedule pauses({{ms(30), ms(40)},
                              {ms(10), ms(20)},
                              {ms(15), ms(25)},
                              {ms(25), ms(26)},
                              {ms(50), ms(50)},
                              {ms(12), ms(13)}});
  REQUIRE(pauses.pauses().size() == 2);
  CHECK(pauses.pauses()[0].start == ms(10));
  CHECK(pauses.pauses()[0].end == ms(26));
  CHECK(pauses.pauses()[1].start == ms(30));
}

TEST_CASE("a pause holds from its start until just before its end", "[pause]") {
  const PauseSchedule pauses({{ms(10), ms(20)}, {ms(30), ms(40)}});
  CHECK(pauses.resume(ms(10) - Nanos{1}) == ms(10) - Nanos{1});
  CHECK(pauses.resume(ms(10)) == ms(20));
  CHECK(pauses.resume(ms(20) - Nanos{1}) == ms(20));
  CHECK(pauses.resume(ms(20)) == ms(20));
  CHECK(pauses.resume(ms(35)) == ms(40));
  CHECK(pauses.resume(ms(99)) == ms(99));
  CHECK(PauseSchedule().resume(ms(5)) == ms(5));
}

TEST_CASE("work stands still during pauses", "[pause]") {
  const PauseSchedule pauses({{ms(10), ms(20)}, {ms(30), ms(40)}});
  CHECK(pauses.compute_end(ms(0), ms(9)) == ms(9));
  CHECK(pauses.compute_end(ms(0), ms(10)) == ms(10));  // done just as the pause begins
  CHECK(pauses.compute_end(ms(0), ms(11)) == ms(21));
  CHECK(pauses.compute_end(ms(0), ms(25)) == ms(45));
  CHECK(pauses.compute_end(ms(15), ms(1)) == ms(21));
  CHECK(pauses.compute_end(ms(15), ms(11)) == ms(41));
  CHECK(pauses.compute_end(ms(40), ms(5)) == ms(45));
  CHECK(pauses.compute_end(ms(10), ms(0)) == ms(20));
  CHECK(pauses.compute_end(ms(50), kNever) == kNever);
}

TEST_CASE("work takes as much longer as a machine is slower", "[pause]") {
  // Half as fast from 10 ms, a tenth from 30 ms, twice as fast from 100 ms.
  const PauseSchedule speeds({}, {{ms(10), 500'000}, {ms(30), 100'000}, {ms(100), 2'000'000}});
  CHECK(speeds.compute_end(ms(0), ms(10)) == ms(10));
  CHECK(speeds.compute_end(ms(0), ms(11)) == ms(12));
  CHECK(speeds.compute_end(ms(0), ms(20)) == ms(30));
  CHECK(speeds.compute_end(ms(0), ms(21)) == ms(40));
  CHECK(speeds.compute_end(ms(0), ms(27)) == ms(100));
  CHECK(speeds.compute_end(ms(0), ms(47)) == ms(110));
  CHECK(speeds.compute_end(ms(15), ms(0)) == ms(15));
  CHECK(speeds.compute_end(ms(15), ms(5)) == ms(25));
  CHECK(speeds.resume(ms(15)) == ms(15));
  // Of one time the last counts; parts of nanoseconds are rounded up.
  const PauseSchedule twice({}, {{ms(0), 500'000}, {ms(0), 300'000}});
  CHECK(twice.compute_end(ms(0), Nanos{1}) == Nanos{4});
}

TEST_CASE("a slow machine may pause, too", "[pause]") {
  const PauseSchedule both({{ms(20), ms(50)}, {ms(60), ms(70)}},
                           {{ms(10), 500'000}, {ms(55), 1'000'000}});
  CHECK(both.compute_end(ms(0), ms(15)) == ms(20));
  CHECK(both.compute_end(ms(0), ms(16)) == ms(52));
  CHECK(both.compute_end(ms(0), ms(20)) == ms(57) + Nanos{500'000});
  CHECK(both.compute_end(ms(0), ms(25)) == ms(72) + Nanos{500'000});
}

}  // namespace
}  // namespace strait
