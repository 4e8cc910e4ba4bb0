#include "apps/experiment/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/io/lateness.h"

namespace strait {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kLn2 = 0.69314718055994530942;

Json figure(double value, const char* unit, const char* kind) {
  return {{"value", value}, {"unit", unit}, {"kind", kind}};
}
Json figure(std::int64_t value, const char* unit, const char* kind) {
  return {{"value", value}, {"unit", unit}, {"kind", kind}};
}
Json measured(double value, const char* unit) { return figure(value, unit, "measured"); }
Json measured(std::int64_t value, const char* unit) { return figure(value, unit, "measured"); }

/// Of the last round that could be evaluated: not each can be when islands die.
const std::vector<Metric>& final_metrics(const ArmResult& arm) {
  static const std::vector<Metric> none{{.name = "loss", .value = std::nan("")}};
  for (auto row = arm.rows.rbegin(); row != arm.rows.rend(); ++row) {
    if (!row->held_out.empty()) return row->held_out;
  }
  return none;
}

double final_loss(const ArmResult& arm) { return final_metrics(arm).front().value; }

std::int64_t count_events(const ArmResult& arm, TraceKind kind, std::optional<int> c = {}) {
  return std::count_if(arm.events.begin(), arm.events.end(), [&](const TraceRecord& event) {
    return event.kind == kind && (!c || event.c == *c);
  });
}

/// What became of rounds and of islands that came and went.
Json faults_json(const ArmResult& arm) {
  const auto events = [&](TraceKind kind, std::optional<int> c = {}) {
    return measured(count_events(arm, kind, c), "events");
  };
  return {{"commits", events(TraceKind::kRound, 1)},
          {"aborts", events(TraceKind::kRound, 0)},
          {"missed", events(TraceKind::kMissed)},
          {"caught_up", events(TraceKind::kCaughtUp)},
          {"killed", events(TraceKind::kIslandKilled)},
          {"joined", events(TraceKind::kIslandJoined)},
          {"left", events(TraceKind::kIslandLeft)},
          {"suspected", events(TraceKind::kSuspect)},
          {"expelled", events(TraceKind::kExpelled)},
          {"discarded_tokens", measured(arm.discarded_tokens, "tokens")}};
}

/// 0: no text, or its bytes are not known.
double bytes_per_token(const VerdictInput& in) { return in.experiment.tasks.bytes_per_token(); }

Bytes payload(const ArmResult& arm) {
  return arm.costs.bytes[static_cast<std::size_t>(Cause::kPayload)];
}

struct LinkTotals {
  Bytes headers = 0;
  Bytes handshake = 0;
  Bytes acks = 0;
  Bytes retransmitted = 0;
};

LinkTotals link_totals(const Costs& costs) {
  LinkTotals totals;
  for (const auto& row : costs.links) {
    totals.headers += row.counters.entered.header;
    totals.handshake += row.counters.entered.handshake;
    totals.acks += row.counters.entered.acks;
    totals.retransmitted += row.counters.entered.retransmitted;
  }
  return totals;
}

Json lateness_json(const Lateness& lateness) {
  return {{"count", lateness.count()},
          {"p50", measured(seconds(lateness.quantile(0.5)), "s")},
          {"p99", measured(seconds(lateness.quantile(0.99)), "s")},
          {"max", measured(seconds(lateness.max()), "s")}};
}

Json pace_json(const Pace& pace) {
  return {{"valid", pace.valid()},
          {"invalid_because", pace.invalid},
          {"max_lateness", {{"value", seconds(pace.limit)}, {"unit", "s"}}},
          {"loop_priority", pace.priority},
          {"late_alarms", lateness_json(pace.alarms)},
          {"late_events", lateness_json(pace.events)},
          {"late_posts", lateness_json(pace.posts)},
          {"late_wake_ups", lateness_json(pace.wake_ups)},
          {"late_work", lateness_json(pace.work)}};
}

std::string lateness_text(const Lateness& lateness) {
  const auto ms = [](Nanos time) { return 1e3 * seconds(time); };
  return fmt::format("p50 {:.3f} ms, p99 {:.3f} ms, max {:.3f} ms of {}",
                     ms(lateness.quantile(0.5)), ms(lateness.quantile(0.99)), ms(lateness.max()),
                     lateness.count());
}

/// In real time: how well an arm kept to the model's times; else empty.
std::string pace_text(const std::string& name, const Costs& costs) {
  if (!costs.pace) return {};
  const Pace& pace = *costs.pace;
  return fmt::format(
      "\n{}, real time: {}\n"
      "  the loop after its alarms            {}\n"
      "  events after their times             {}\n"
      "  what islands post after their times  {}\n"
      "  islands after what they slept for    {}\n"
      "  work after its announced end         {}\n"
      "  priority of the loop's thread        {}\n",
      name, pace.valid() ? "valid" : "NOT VALID: " + pace.invalid, lateness_text(pace.alarms),
      lateness_text(pace.events), lateness_text(pace.posts), lateness_text(pace.wake_ups),
      lateness_text(pace.work), pace.priority);
}

Json tcp_json(const StreamFigures& tcp) {
  return {{"sent", measured(tcp.sent, "B")},
          {"sent_again", measured(tcp.sent_again, "B")},
          {"segments", measured(tcp.segments, "segments")},
          {"segments_sent_again", measured(tcp.lost, "segments")},
          {"least_rtt", measured(seconds(tcp.least_rtt), "s")}};
}

Json costs_json(const Costs& costs) {
  Json bytes;
  for (std::size_t c = 0; c < kCauses; ++c) {
    bytes[std::string(to_string(static_cast<Cause>(c)))] = measured(costs.bytes[c], "B");
  }
  if (!costs.tcp) {
    const LinkTotals links = link_totals(costs);
    bytes["headers"] = figure(links.headers, "B", "modelled");
    bytes["handshake"] = figure(links.handshake, "B", "modelled");
    bytes["acks"] = figure(links.acks, "B", "modelled");
    bytes["retransmitted"] = figure(links.retransmitted, "B", "modelled");
  }
  Json json{{"bytes", bytes},
            {"virtual_seconds", measured(seconds(costs.time), "s")},
            {"wall_seconds", measured(costs.wall_s, "s")},
            {"transport_and_emulator_cpu_seconds", measured(costs.loop_cpu_s, "s")},
            {"event_log_hash", hex(costs.trace_hash)},
            {"event_log_records", costs.trace_records}};
  if (costs.tcp) json["tcp"] = tcp_json(*costs.tcp);
  if (costs.pace) json["real_time"] = pace_json(*costs.pace);
  return json;
}

Json loss_json(const VerdictInput& in, const std::vector<Metric>& metrics) {
  Json json;
  for (const auto& metric : metrics) json[metric.name] = measured(metric.value, "nats");
  if (const double bytes = bytes_per_token(in); bytes > 0) {
    const double loss = metrics.front().value / bytes;
    json["perplexity_per_byte"] = measured(std::exp(loss), "1");
    json["bits_per_byte"] = measured(loss / kLn2, "bit");
  }
  return json;
}

Json arm_json(const VerdictInput& in, const ArmResult& arm, std::optional<double> common_loss) {
  Json json{{"name", arm.options.name},
            {"strategy", arm.options.strategy},
            {"islands", arm.options.islands},
            {"peak_lr", arm.options.peak_lr},
            {"rounds", arm.plan.rounds},
            {"inner_steps_per_round", arm.plan.steps_per_round},
            {"tokens", measured(arm.tokens, "tokens")},
            {"held_out", loss_json(in, final_metrics(arm))},
            {"faults", faults_json(arm)},
            {"waiting_seconds", measured(seconds(arm.rows.back().waited), "s")},
            {"shared_parameters_hash", hex(arm.parameter_hash)}};
  json.update(costs_json(arm.costs));
  if (common_loss) {
    const auto time = time_to_loss(arm, *common_loss);
    json["time_to_loss"] = {{"loss", *common_loss},
                            {"virtual_seconds", time ? measured(seconds(*time), "s") : Json()}};
  }
  return json;
}

/// The worse of the final losses of the arms that talk.
std::optional<double> loss_to_reach(const VerdictInput& in) {
  std::optional<double> worst;
  for (const ArmResult* arm : in.arms) {
    if (arm->options.islands < 2) continue;
    worst = std::max(worst.value_or(final_loss(*arm)), final_loss(*arm));
  }
  return worst;
}

/// A label and a cell per arm; titles come from the first row.
class ArmTable {
 public:
  explicit ArmTable(std::vector<std::string> titles) : table_(columns(std::move(titles))) {}

  void row(std::string label, std::vector<std::string> cells) {
    cells.insert(cells.begin(), std::move(label));
    table_.row(std::move(cells));
  }
  std::string text() const { return table_.text(); }

 private:
  static std::vector<Column> columns(std::vector<std::string> titles) {
    std::vector<Column> result{{""}};
    for (auto& title : titles) result.push_back({std::move(title), Align::kRight});
    return result;
  }
  Table table_;
};

std::vector<std::string> cells(const VerdictInput& in,
                               const std::function<std::string(const ArmResult&)>& cell) {
  std::vector<std::string> result;
  for (const ArmResult* arm : in.arms) result.push_back(cell(*arm));
  return result;
}

/// What the kernels say where they carried the bytes, else what the emulator's TCP did.
void add_tcp_rows(const VerdictInput& in, ArmTable& table) {
  if (in.arms.front()->costs.tcp) {
    table.row("sent by TCP, of it again", cells(in, [](const auto& a) {
                const StreamFigures& tcp = *a.costs.tcp;
                return fmt::format("{}, {}", human_bytes(tcp.sent), human_bytes(tcp.sent_again));
              }));
    table.row("TCP's segments, of them again", cells(in, [](const auto& a) {
                const StreamFigures& tcp = *a.costs.tcp;
                return fmt::format("{}, {}", tcp.segments, tcp.lost);
              }));
    table.row("shortest round trip", cells(in, [](const auto& a) {
                return fmt::format("{:.3f} ms", 1e3 * seconds(a.costs.tcp->least_rtt));
              }));
    return;
  }
  table.row("TCP/IP headers (modelled)", cells(in, [](const auto& a) {
              const LinkTotals links = link_totals(a.costs);
              return human_bytes(links.headers + links.handshake);
            }));
  table.row("ACKs, sent again (modelled)", cells(in, [](const auto& a) {
              const LinkTotals links = link_totals(a.costs);
              return fmt::format("{}, {}", human_bytes(links.acks),
                                 human_bytes(links.retransmitted));
            }));
}

std::string arms_table(const VerdictInput& in) {
  ArmTable table(cells(in, [](const auto& a) { return a.options.name; }));
  const auto loss = loss_to_reach(in);
  table.row("islands", cells(in, [](const auto& a) { return std::to_string(a.options.islands); }));
  table.row("payload", cells(in, [](const auto& a) { return human_bytes(payload(a)); }));
  table.row("control and framing", cells(in, [](const auto& a) {
              return human_bytes(a.costs.bytes[static_cast<std::size_t>(Cause::kControl)] +
                                 a.costs.bytes[static_cast<std::size_t>(Cause::kFraming)]);
            }));
  add_tcp_rows(in, table);
  table.row("time on this network",
            cells(in, [](const auto& a) { return human_time(a.costs.time); }));
  table.row("of it waiting for others", cells(in, [](const auto& a) {
              const double all = seconds(a.costs.time);
              return fmt::format("{:.1f} %",
                                 all > 0 ? 100 * seconds(a.rows.back().waited) / all : 0);
            }));
  table.row("tokens", cells(in, [](const auto& a) { return fmt::format("{}", a.tokens); }));
  table.row("held-out loss",
            cells(in, [](const auto& a) { return fmt::format("{:.4f}", final_loss(a)); }));
  if (const double bytes = bytes_per_token(in); bytes > 0) {
    table.row("perplexity per byte", cells(in, [&](const auto& a) {
                return fmt::format("{:.3f}", std::exp(final_loss(a) / bytes));
              }));
    table.row("bits per byte", cells(in, [&](const auto& a) {
                return fmt::format("{:.3f}", final_loss(a) / kLn2 / bytes);
              }));
  }
  if (loss && in.arms.size() > 1) {
    table.row(fmt::format("time to loss {:.4f}", *loss), cells(in, [&](const auto& a) {
                const auto t = time_to_loss(a, *loss);
                return t ? human_time(*t) : std::string("never");
              }));
  }
  table.row("wall time here",
            cells(in, [](const auto& a) { return fmt::format("{:.1f} s", a.costs.wall_s); }));
  table.row("of it transport and emulator", cells(in, [](const auto& a) {
              return fmt::format("{:.1f} %", 100 * a.costs.loop_cpu_s / a.costs.wall_s);
            }));
  return table.text();
}

std::string baseline_text(const ModelledBaseline& b, const ArmResult& dp, const ArmResult& first) {
  ArmTable table({"payload", "time", ""});
  const auto versus = [&](Nanos t) {
    return fmt::format("{:.2f} x {}", seconds(t) / seconds(first.costs.time), first.options.name);
  };
  table.row("as run (fp32, measured)",
            {human_bytes(payload(dp)), human_time(dp.costs.time), versus(dp.costs.time)});
  table.row("in bf16 (modelled)",
            {human_bytes(b.bf16_payload), human_time(b.bf16_time), versus(b.bf16_time)});
  table.row("perfect overlap (modelled bound)",
            {human_bytes(payload(dp)), human_time(b.overlap_time), versus(b.overlap_time)});
  table.row(
      "bf16 and perfect overlap (modelled)",
      {human_bytes(b.bf16_payload), human_time(b.bf16_overlap_time), versus(b.bf16_overlap_time)});
  return table.text();
}

/// The arm to compare the first one with; null if there is none, or the first one had nothing to
/// send or took no time (one island, a perfect network): there are no ratios then.
const ArmResult* find_data_parallel(const VerdictInput& in) {
  if (!in.stopped.empty()) return nullptr;
  const ArmResult& first = *in.arms.front();
  if (payload(first) == 0 || first.costs.time == Nanos{0}) return nullptr;
  for (const ArmResult* arm : in.arms) {
    if (arm->options.strategy == "data_parallel") return arm;
  }
  return nullptr;
}

std::string comparison_text(const VerdictInput& in, const ArmResult& dp) {
  const ArmResult& first = *in.arms.front();
  const double ratio = static_cast<double>(payload(dp)) / static_cast<double>(payload(first));
  std::string text = fmt::format(
      "\n{0} sent {1:.6g} times fewer payload bytes than data parallelism ({2} : {3})\nand took "
      "{4:.2f} times less time on this network",
      first.options.name, ratio, payload(dp), payload(first),
      seconds(dp.costs.time) / seconds(first.costs.time));
  if (const double bytes = bytes_per_token(in); bytes > 0) {
    const double gap = std::exp((final_loss(first) - final_loss(dp)) / bytes) - 1;
    text += fmt::format("; its perplexity per byte is {:.1f} % {}", 100 * std::abs(gap),
                        gap >= 0 ? "higher" : "lower");
  }
  return text + ".\n";
}

std::string prediction_text(const Rehearsal& prediction, const ArmResult& arm) {
  const RunCosts& costs = prediction.costs;
  return fmt::format(
      "\nPredicted for {} from {} rounds in which nothing happens to links and islands:\n{} of "
      "payload, {} a round; measured: {}, {}.\n",
      arm.options.name, prediction.rehearsed_rounds,
      human_bytes(costs.bytes[static_cast<std::size_t>(Cause::kPayload)]),
      human_time(costs.time / arm.plan.rounds), human_bytes(payload(arm)),
      human_time(arm.costs.time / arm.plan.rounds));
}

Json prediction_json(const Rehearsal& prediction, const ArmResult& arm) {
  const RunCosts& costs = prediction.costs;
  return {
      {"arm", arm.options.name},
      {"rehearsed_rounds", prediction.rehearsed_rounds},
      {"payload", figure(costs.bytes[static_cast<std::size_t>(Cause::kPayload)], "B", "modelled")},
      {"virtual_seconds", figure(seconds(costs.time), "s", "modelled")}};
}

}  // namespace

Bytes wire_bytes(const Costs& costs) {
  if (costs.tcp) return costs.tcp->sent;
  const LinkTotals links = link_totals(costs);
  Bytes sum = links.headers + links.handshake + links.acks + links.retransmitted;
  for (const Bytes bytes : costs.bytes) sum += bytes;
  return sum;
}

std::optional<Nanos> time_to_loss(const ArmResult& arm, double loss) {
  for (const RoundRow& row : arm.rows) {
    if (!row.held_out.empty() && row.held_out.front().value <= loss) return row.time;
  }
  return std::nullopt;
}

ModelledBaseline model_baseline(const Experiment& x, const ArmResult& dp) {
  const std::int64_t steps = dp.plan.rounds * dp.plan.steps_per_round;
  const std::int64_t elements = x.tasks.layout().count();
  Nanos compute{0};  // all wait for the slowest
  for (IslandId island = 0; island < dp.options.islands; ++island) {
    compute = std::max(compute, compute_model(x).usual_step(island));
  }
  ModelledBaseline b{.bf16_payload = payload(dp) / 2,
                     .bf16_time = price_data_parallel(x, dp.plan.first_step, steps, elements / 2)};
  const auto bound = [&](Nanos as_run) {
    const Nanos exchange{(as_run.count() - steps * compute.count()) / steps};
    return steps * std::max(compute, exchange);
  };
  b.overlap_time = bound(dp.costs.time);
  b.bf16_overlap_time = bound(b.bf16_time);
  return b;
}

std::string verdict_text(const VerdictInput& in) {
  const RunConfig& c = in.experiment.config;
  std::string text =
      fmt::format("VERDICT  {}: {} rounds of {} inner steps, seed {}, {} time\n", in.scenario,
                  c.run.rounds, c.run.inner_steps, c.run.seed, c.run.time);
  if (!in.stopped.empty()) text += fmt::format("NOT FINISHED: {}\n", in.stopped);
  // Which packages the text came from stands in the banner.
  const std::string data = in.experiment.tasks.data_description();
  text += fmt::format("data     {}\n         sha256 {}\n\n", data.substr(0, data.find(", sha256")),
                      in.experiment.tasks.data_hash());
  text += arms_table(in);
  if (const ArmResult* dp = find_data_parallel(in); dp != nullptr && in.arms.size() > 1) {
    text += comparison_text(in, *dp);
    if (in.baseline) {
      text += "\nData parallelism, as run and as it could be run:\n";
      text += baseline_text(*in.baseline, *dp, *in.arms.front());
    }
  }
  if (in.pretraining != nullptr) text += pace_text("pretraining", in.pretraining->costs);
  for (const ArmResult* arm : in.arms) text += pace_text(arm->options.name, arm->costs);
  if (in.pretraining != nullptr) {
    const auto& p = *in.pretraining;
    text += fmt::format(
        "\nBefore the branch point, shared by all rows and in none of them: {} steps of "
        "pretraining,\n{}, then {} handed out in {}.\n",
        c.pretrain.steps, human_time(p.compute_time),
        human_bytes(p.costs.bytes[static_cast<std::size_t>(Cause::kStart)]),
        human_time(p.costs.time - p.compute_time));
  }
  if (in.count_model_bits_per_byte) {
    text += fmt::format("An order-2 count model fitted on the same bytes: {:.3f} bits per byte.\n",
                        *in.count_model_bits_per_byte);
  }
  if (in.prediction) text += prediction_text(*in.prediction, *in.arms.front());
  text += fmt::format("\nwall {:.1f} s, CPU {:.1f} s\n", in.wall_s, in.cpu_s);
  return text;
}

std::string verdict_json(const VerdictInput& in) {
  const RunConfig& c = in.experiment.config;
  Json json{{"format", 1},
            {"scenario", in.scenario},
            {"time", c.run.time},
            {"seed", c.run.seed},
            {"settings_hash", hex(settings_hash(c))},
            {"data",
             {{"description", in.experiment.tasks.data_description()},
              {"sha256", in.experiment.tasks.data_hash()}}}};
  if (!in.stopped.empty()) json["stopped"] = in.stopped;
  if (in.pretraining != nullptr) {
    json["pretraining"] = costs_json(in.pretraining->costs);
    json["pretraining"]["steps"] = c.pretrain.steps;
    json["pretraining"]["compute_seconds"] = measured(seconds(in.pretraining->compute_time), "s");
  }
  const auto loss = loss_to_reach(in);
  json["arms"] = Json::array();
  for (const ArmResult* arm : in.arms) json["arms"].push_back(arm_json(in, *arm, loss));
  if (const ArmResult* dp = find_data_parallel(in); dp != nullptr && in.arms.size() > 1) {
    const ArmResult& first = *in.arms.front();
    json["comparison"] = {
        {"payload_ratio",
         measured(static_cast<double>(payload(*dp)) / static_cast<double>(payload(first)), "1")},
        {"time_ratio", measured(seconds(dp->costs.time) / seconds(first.costs.time), "1")},
        {"perplexity_gap", measured(std::exp(final_loss(first) - final_loss(*dp)) - 1, "1")}};
  }
  if (in.baseline) {
    const auto& b = *in.baseline;
    json["data_parallel_modelled"] = {
        {"bf16",
         {{"payload", figure(b.bf16_payload, "B", "modelled")},
          {"virtual_seconds", figure(seconds(b.bf16_time), "s", "modelled")}}},
        {"perfect_overlap",
         {{"virtual_seconds", figure(seconds(b.overlap_time), "s", "modelled")}}},
        {"bf16_perfect_overlap",
         {{"virtual_seconds", figure(seconds(b.bf16_overlap_time), "s", "modelled")}}}};
  }
  if (in.count_model_bits_per_byte) {
    json["order_2_count_model"] = {
        {"bits_per_byte", measured(*in.count_model_bits_per_byte, "bit")}};
  }
  if (in.prediction) json["predicted"] = prediction_json(*in.prediction, *in.arms.front());
  json["wall_seconds"] = measured(in.wall_s, "s");
  json["cpu_seconds"] = measured(in.cpu_s, "s");
  return json.dump(2) + "\n";
}

}  // namespace strait
