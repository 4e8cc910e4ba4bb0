#include "apps/validation/measurement.h"

#include <fmt/format.h>

#include <numeric>

#include "apps/validation/statistics.h"
#include "core/base/text.h"

namespace strait {
namespace {

constexpr double kTight = 0.03;
constexpr std::size_t kEnoughForRange = 10;

double share(std::int64_t part, std::int64_t all) {
  return all > 0 ? static_cast<double>(part) / static_cast<double>(all) : 0;
}

template <class Value>
std::vector<double> of_each(const std::vector<Repetition>& repetitions, const Value& value) {
  std::vector<double> values;
  for (const Repetition& repetition : repetitions) {
    values.push_back(static_cast<double>(value(repetition)));
  }
  return values;
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}
double mean(const std::vector<double>& values) {
  return sum(values) / static_cast<double>(values.size());
}
double most(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}
double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

/// The standard deviation in percent of the mean.
double variation_pct(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += (value - mean(values)) * (value - mean(values));
  return 100 * std::sqrt(squares / static_cast<double>(values.size())) / mean(values);
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"") == std::string_view::npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) cell.append(c == '"' ? 2 : 1, c);
  return cell + '"';
}

std::string in_seconds(double value) { return fmt::format("{:.6f}", value); }  // some are 12 ms

std::string list(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(in_seconds(value));
  return join(texts, " ");
}

constexpr std::string_view kHeader =
    "id,what,params,reps,median_s,min_s,max_s,cv_pct,goodput_mbps,retrans,wire_bytes,min_rtt_ms,"
    "late_mean_us,late_max_us,late_over_1ms,all_s,flows_s,class\n";

std::string row(const Measurement& m) {
  const MeasuredCase& c = m.measured;
  const auto of_each_one = [&](const auto& value) { return of_each(m.repetitions, value); };
  const auto retransmitted =
      of_each_one([](const Repetition& r) { return r.transfer.retransmitted; });
  const auto least_rtt =
      of_each_one([](const Repetition& r) { return seconds(r.transfer.least_rtt); });
  const auto late_mean =
      of_each_one([](const Repetition& r) { return seconds(r.relay.late_mean()); });
  const auto late_max = of_each_one([](const Repetition& r) { return seconds(r.relay.late_max); });
  const auto late = of_each_one([](const Repetition& r) { return r.relay.late; });
  std::vector<double> flows;
  for (const Nanos time : m.repetitions.front().transfer.flows) flows.push_back(seconds(time));
  std::string text = fmt::format("{},{},{},{},", csv_cell(c.setup.id), csv_cell(c.what),
                                 csv_cell(c.params), m.repetitions.size());
  text += fmt::format("{},{},{},{:.2f},{:.3f},", in_seconds(c.median_s), in_seconds(least(c.all_s)),
                      in_seconds(most(c.all_s)), variation_pct(c.all_s),
                      8e-6 * static_cast<double>(c.setup.bytes) / c.median_s);
  text +=
      fmt::format("{:.1f},{},{:.2f},", mean(retransmitted), c.wire_bytes, 1e3 * median(least_rtt));
  text +=
      fmt::format("{:.1f},{:.0f},{:.0f},", 1e6 * mean(late_mean), 1e6 * most(late_max), sum(late));
  return text + fmt::format("{},{},{}\n", list(c.all_s), list(flows), class_name(c.tight));
}

}  // namespace

double Measurement::late_share() const {
  std::int64_t late = 0, forwarded = 0;
  for (const Repetition& repetition : repetitions) {
    late += repetition.relay.late;
    forwarded += repetition.relay.forwarded;
  }
  return share(late, forwarded);
}

Measurement summarize(const MeasuredCase& recorded, std::vector<Repetition> repetitions,
                      int again) {
  Measurement result{recorded, std::move(repetitions), again};
  MeasuredCase& measured = result.measured;
  measured.all_s =
      of_each(result.repetitions, [](const Repetition& r) { return seconds(r.transfer.time); });
  measured.median_s = median(measured.all_s);
  measured.wire_bytes = static_cast<Bytes>(
      median(of_each(result.repetitions, [](const Repetition& r) { return r.wire_bytes; })));
  // Fewer repetitions than those that were apart may agree by chance.
  const bool may_be_tight = recorded.tight || measured.all_s.size() >= recorded.all_s.size();
  measured.tight = may_be_tight && is_tight(measured.all_s, result.late_share());
  return result;
}

bool is_tight(const std::vector<double>& times, double late_share) {
  const bool many = times.size() >= kEnoughForRange;
  const double range =
      many ? quantile(times, 0.9) - quantile(times, 0.1) : most(times) - least(times);
  return range <= kTight * median(times) && !is_late(late_share);
}

std::string case_file(const std::vector<Measurement>& measurements) {
  std::string text(kHeader);
  for (const Measurement& m : measurements) text += row(m);
  return text;
}

}  // namespace strait
