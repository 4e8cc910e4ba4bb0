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

}  // namespace
}  // namespace strait
