// What follows from the measurement of a real link, and the links.csv that emulates it.
#include "apps/probing/real/link_figures.h"

#include "apps/probing/real/link_report.h"
#include "core/base/files.h"
#include "netsim/network_files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// As one CUBIC connection sees it on 50 Mbit/s without loss, with a full queue of 375 kB.
WayMeasurement fifty_megabits() {
  const BytesPerSecond full{megabits(50).value * 1448 / 1514};
  return {
      .cubic =
          {{.load = {}, .goodput = full, .segments = 20'000, .lost = 60, .high_rtt = 120'024us}},
      .paced = {
          .load = {.pacing = {full.value / 2}}, .goodput = {full.value / 2}, .segments = 10'000}};
}

LinkMeasurement fifty_megabits_both_ways() {
  return {.other_end = "10.0.0.2:7373",
          .time = 5s,
          .round_trips = std::vector<Nanos>(60, 60'024us),
          .there = fifty_megabits(),
          .back = fifty_megabits()};
}

TEST_CASE("a measured link is in the emulator's terms", "[unit]") {
  const LinkFigures figures = link_figures(fifty_megabits_both_ways());
  // An echo of 74 bytes takes 12 us of the link each way.
  CHECK(figures.there.link.delay == 30ms);
  CHECK(figures.there.link.rate == megabits(50));
  CHECK(figures.there.link.loss_ppm == 0);
  CHECK(figures.there.link.jitter == 0ms);
  CHECK(figures.there.link.queue == 375'000);
  CHECK(alike(figures.there.link, figures.back.link));
}

TEST_CASE("what is lost at half the rate is the link's, what is lost beyond it fills a queue",
          "[unit]") {
  LinkMeasurement measured = fifty_megabits_both_ways();
  measured.there.paced.lost = 30;  // of 10,000: with 60 of 20,000 nothing but chance
  const LinkFigures figures = link_figures(measured);
  CHECK(figures.there.link.loss_ppm == 3000);
  CHECK(figures.there.loss.least == Approx(0.0021).epsilon(0.02));  // Wilson, from tables
  CHECK(figures.there.loss.most == Approx(0.00428).epsilon(0.02));
  CHECK(figures.there.link.queue == 0);
  CHECK_THAT(link_notes(measured, figures), Catch::Contains("there: no load filled a queue"));
  // What is lost on the link has used it.
  CHECK(static_cast<double>(figures.there.link.rate.value) ==
        Approx(static_cast<double>(megabits(50).value) / 0.997).epsilon(0.001));
  CHECK(figures.back.link.queue == 375'000);
  CHECK(counted_share(0, 0).most == 1);
}

TEST_CASE("idle round trips that differ are jitter around their median", "[unit]") {
  LinkMeasurement measured = fifty_megabits_both_ways();
  for (std::size_t i = 0; i < measured.round_trips.size(); ++i) {
    measured.round_trips[i] += std::chrono::microseconds(200 * i);  // 0 to 11.8 ms
  }
  const LinkFigures figures = link_figures(measured);
  CHECK(figures.idle.p90 - figures.idle.p10 == 9'400us);
  CHECK(figures.there.link.jitter == 5'311us);  // / 1.77
  CHECK(figures.there.link.delay == 33ms);
  // Some are always late: that is this machine.
  measured.round_trips.assign(60, 60'024us);
  for (std::size_t i = 50; i < 60; ++i) measured.round_trips[i] += 500us;
  CHECK(link_figures(measured).there.link.jitter == 0ms);
  CHECK(link_figures(measured).there.link.delay == 30ms);
}

TEST_CASE("the fastest load says the rate, whoever made it", "[unit]") {
  LinkMeasurement measured = fifty_megabits_both_ways();
  measured.there.cubic[0].goodput.value /= 4;
  measured.there.bbr = LoadResult{.load = {.congestion = ProbeCongestion::kBbr},
                                  .goodput = measured.back.cubic[0].goodput,
                                  .segments = 20'000};
  CHECK(link_figures(measured).there.link.rate == megabits(50));
  measured.there.still_growing = true;
  CHECK_THAT(link_notes(measured, link_figures(measured)),
             Catch::Contains("there: the rate still grew"));
}

TEST_CASE("a measured link is read as a network of two islands", "[unit]") {
  LinkMeasurement measured = fifty_megabits_both_ways();
  measured.back.paced.lost = 12;
  for (std::size_t i = 0; i < 20; ++i) measured.round_trips[i] += 8ms;
  const LinkFigures figures = link_figures(measured);
  REQUIRE(figures.back.link.jitter > 0ms);
  const TemporaryFolder folder;
  write_file_atomically(folder / "links.csv", links_csv(measured, figures));
  const NetworkDescription network = read_network({.links = folder / "links.csv"}, 2, 1);
  REQUIRE(network.links.size() == 2);
  const auto link = [&](int from, int to) {
    return network.links[static_cast<std::size_t>(network.path(from, to).at(0))];
  };
  CHECK(alike(link(0, 1), figures.there.link));
  CHECK(alike(link(1, 0), figures.back.link));
  CHECK(link(1, 0).loss_ppm == 1200);
}

}  // namespace
}  // namespace strait
