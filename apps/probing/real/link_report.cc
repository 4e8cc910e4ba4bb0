#include "apps/probing/real/link_report.h"

#include <fmt/format.h>

#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/base/quantities.h"

namespace strait {
namespace {

constexpr double kHeldUp = 0.2;

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

std::string share_text(std::int64_t count, std::int64_t of) {
  if (count == 0 || of == 0) return fmt::format("0 of {}", human_count(of));
  return percent(static_cast<double>(count) / static_cast<double>(of));
}

std::string loss_range(const CountedShare& loss) {
  return fmt::format("{} ({} to {})", percent(loss.share), percent(loss.least), percent(loss.most));
}

/// "0.1%", in whole parts per million.
std::string loss_cell(const LinkSpec& link) {
  return link.loss_ppm == 0 ? ""
                            : fmt::format("{:.4f}%", static_cast<double>(link.loss_ppm) * 1e-4);
}

std::string jitter_cell(const LinkSpec& link) {
  return link.jitter == Nanos{0} ? "" : format_duration(link.jitter);
}

std::string queue_cell(const LinkSpec& link) {
  return link.queue == 0 ? "" : format_bytes(link.queue);
}

void add_loads(Table& table, const std::string& way, const WayMeasurement& measured) {
  const auto row = [&](const LoadResult& load) {
    table.row({way, load_text(load.load), human_rate(load.goodput), human_time(load.high_rtt),
               share_text(load.lost, load.segments),
               load.held_up > kHeldUp ? percent(load.held_up) : ""});
  };
  for (const LoadResult& load : measured.cubic) row(load);
  if (measured.bbr) row(*measured.bbr);
  row(measured.paced);
}

std::string way_notes(const std::string& way, const WayMeasurement& measured,
                      const WayFigures& figures) {
  std::string text;
  if (figures.link.queue == 0) {
    text += fmt::format(
        "{}: no load filled a queue; network.queue decides, or a longer --seconds\n", way);
  }
  if (measured.still_growing) {
    text += fmt::format(
        "{}: the rate still grew with the last connections; the link may be faster\n", way);
  }
  if (measured.best().held_up > kHeldUp) {
    text += fmt::format(
        "{}: a buffer or window of a host was full for {} of the time; the link may be faster\n",
        way, percent(measured.best().held_up));
  }
  return text;
}

}  // namespace

std::string idle_text(const IdleRoundTrips& idle) {
  return fmt::format("idle round trip: {} at least, {} median, {} at most in nine of ten\n",
                     human_time(idle.least), human_time(idle.median), human_time(idle.p90));
}

std::string loads_table(const LinkMeasurement& measured) {
  Table table({{"way"},
               {"load"},
               {"payload", Align::kRight},
               {"high round trip", Align::kRight},
               {"lost", Align::kRight},
               {"hosts full", Align::kRight}});
  add_loads(table, "there", measured.there);
  add_loads(table, "back", measured.back);
  return table.text();
}

std::string link_table(const LinkFigures& figures) {
  Table table({{"link"},
               {"rate", Align::kRight},
               {"delay", Align::kRight},
               {"jitter", Align::kRight},
               {"loss (19 in 20)", Align::kRight},
               {"queue", Align::kRight}});
  const auto row = [&](const std::string& name, const WayFigures& way) {
    table.row({name, human_rate(way.link.rate), human_time(way.link.delay), jitter_cell(way.link),
               loss_range(way.loss), way.link.queue == 0 ? "" : human_bytes(way.link.queue)});
  };
  row("0>1, there", figures.there);
  row("1>0, back", figures.back);
  return table.text();
}

std::string link_notes(const LinkMeasurement& measured, const LinkFigures& figures) {
  return "Rate: the most payload that a load got in the last two thirds of its time, with 66 bytes "
         "of\n"
         "headers for each 1448, as the emulator counts. Delay: half of the idle round trip each "
         "way,\n"
         "which is assumed. Jitter: what makes idle round trips differ as much, 9 in 10 from 1 in "
         "10.\n"
         "Loss: at half the rate. Queue: by the longest round trip of a load that filled it.\n" +
         way_notes("there", measured.there, figures.there) +
         way_notes("back", measured.back, figures.back);
}

std::string links_csv(const LinkMeasurement& measured, const LinkFigures& figures) {
  std::string csv = fmt::format(
      "# strait net probe {}: a real link, measured for {} per load. Island 0 is where that ran,\n"
      "# island 1 the other end. Delays are half of the round trip; rates include 66 bytes of\n"
      "# headers for each 1448 of payload.\n"
      "from,to,rate,delay,loss,jitter,queue\n",
      measured.other_end, format_duration(measured.time));
  const auto row = [&](int from, int to, const LinkSpec& link) {
    csv += fmt::format("{},{},{},{},{},{},{}\n", from, to, format_rate(link.rate),
                       format_duration(link.delay), loss_cell(link), jitter_cell(link),
                       queue_cell(link));
  };
  row(0, 1, figures.there.link);
  row(1, 0, figures.back.link);
  return csv;
}

}  // namespace strait
