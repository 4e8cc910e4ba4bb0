#include "apps/output/metrics_csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/files.h"
#include "core/base/text.h"

namespace strait {
namespace {

std::string number(double value) { return fmt::format("{:.9g}", value); }

struct Cell {
  const char* title;
  std::string (*print)(const MetricsRow&);
};

template <class T>
std::string whole(T value) {
  return fmt::format("{}", value);
}

constexpr Cell kCells[] = {
    {"arm", [](const MetricsRow& r) { return r.arm; }},
    {"round", [](const MetricsRow& r) { return whole(r.round); }},
    {"step", [](const MetricsRow& r) { return whole(r.step); }},
    {"tokens", [](const MetricsRow& r) { return whole(r.tokens); }},
    {"loss", [](const MetricsRow& r) { return r.loss ? number(*r.loss) : ""; }},
    {"held_out", [](const MetricsRow& r) { return r.held_out ? number(*r.held_out) : ""; }},
    {"virtual_s", [](const MetricsRow& r) { return exact_seconds(r.virtual_time); }},
    {"waiting_s", [](const MetricsRow& r) { return exact_seconds(r.waiting); }},
    {"bytes_payload", [](const MetricsRow& r) { return whole(r.sent.payload); }},
    {"bytes_start", [](const MetricsRow& r) { return whole(r.sent.start); }},
    {"bytes_control", [](const MetricsRow& r) { return whole(r.sent.control); }},
    {"bytes_framing", [](const MetricsRow& r) { return whole(r.sent.framing); }},
    {"bytes_aborted", [](const MetricsRow& r) { return whole(r.sent.aborted); }},
    {"bytes_catch_up", [](const MetricsRow& r) { return whole(r.sent.catch_up); }},
    {"members", [](const MetricsRow& r) { return whole(r.members); }},
    {"verdict", [](const MetricsRow& r) { return r.verdict; }},
    {"missing", [](const MetricsRow& r) { return whole(r.missing); }},
    {"attempts", [](const MetricsRow& r) { return whole(r.attempts); }},
    {"discarded_tokens", [](const MetricsRow& r) { return whole(r.discarded_tokens); }},
    {"not_finite",
     [](const MetricsRow& r) { return fmt::format("{}", fmt::join(r.not_finite, " ")); }},
    {"wall_s", [](const MetricsRow& r) { return number(r.wall_s); }},
    {"wall_late_s", [](const MetricsRow& r) { return r.late ? exact_seconds(*r.late) : ""; }},
};

}  // namespace

std::string exact_seconds(Nanos time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t count = time.count() < 0 ? -time.count() : time.count();
  return fmt::format("{}{}.{:09}", time.count() < 0 ? "-" : "", count / kSecond, count % kSecond);
}

std::string metrics_header() {
  std::vector<std::string> titles;
  for (const Cell& cell : kCells) titles.emplace_back(cell.title);
  return join(titles, ",") + '\n';
}

std::string metrics_line(const MetricsRow& row) {
  std::vector<std::string> values;
  for (const Cell& cell : kCells) values.push_back(cell.print(row));
  return join(values, ",") + '\n';
}

void MetricsCsv::write() const { write_file_atomically(path_, text_); }

}  // namespace strait
