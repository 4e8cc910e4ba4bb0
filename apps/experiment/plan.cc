#include "apps/experiment/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "apps/experiment/churn.h"
#include "apps/experiment/model_costs.h"
#include "apps/experiment/session.h"
#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/base/errors.h"
#include "core/base/quantities.h"
#include "core/comm/codec.h"
#include "core/config/devices.h"
#include "core/plan/bandwidth_model.h"
#include "core/train/strategy.h"
#include "netsim/virtual_loop.h"

namespace strait {

namespace {

constexpr std::array<std::int64_t, 6> kInnerSteps{10, 20, 50, 100, 200, 500};
constexpr std::array kConnections{1, 2, 4, 8};
constexpr double kGood = 0.9;  // of the time spent computing is what one usually wants

/// Of a table, whose cells are compared with each other and not with a run.
constexpr RehearsalLimits kCellLimits{
    .payload = 50'000'000, .steps = 50'000, .rounds = 40, .least_rounds = 2};

Bytes of(const std::array<Bytes, kCauses>& bytes, Cause cause) {
  return bytes[static_cast<std::size_t>(cause)];
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string plain_seconds(Nanos time) { return fmt::format("{:.3f}", seconds(time)); }

RunConfig planned(const RunConfig& config) {
  if (config.compute.device == kThisDevice) {
    throw UserError(
        "compute.device = this: a plan measures nothing; write compute.step, which the banner of a "
        "run says");
  }
  return with_device(config, flops_of(config));
}

class Plan {
 public:
  Plan(const LoadedConfig& loaded, const FabricOptions& fabric,
       const std::function<void(int, int)>& working)
      : loaded_(loaded), config_(planned(loaded.config)), fabric_(fabric), working_(working) {
    const auto& network = fabric.description;
    eventful_ = come_and_go(fabric) || !network.events.empty() || !network.traces.empty() ||
                !network.outages.empty() || !network.background.empty();
    compares_ = config_.run.islands > 1 && network.places > 0;
    for (const std::int64_t h : kInnerSteps) inner_steps_.push_back(h);
    const bool diloco = config_.run.strategy == "diloco";
    if (diloco &&
        std::count(inner_steps_.begin(), inner_steps_.end(), config_.run.inner_steps) == 0)
      inner_steps_.push_back(config_.run.inner_steps);
    std::sort(inner_steps_.begin(), inner_steps_.end());
    total_ = 1 + (eventful_ ? 1 : 0);
    if (compares_) {
      total_ +=
          static_cast<int>((1 + inner_steps_.size()) * codec_names().size() + kConnections.size());
    }
  }

  std::string text() {
    std::string text = title();
    count();
    const auto pretraining = rehearse_pretraining(config_, fabric_);
    const Rehearsal own = rehearse(config_, fabric_, own_arm(config_));
    too_large_ = own.rehearsed_values != own.values;
    text += rehearsed(own) + "\n" + costs(own.costs);
    if (pretraining) {
      text +=
          fmt::format("\nBefore the first round: {} of pretraining, then {} handed out in {}.\n",
                      human_time(pretraining->compute_time), human_bytes(pretraining->handed_out),
                      human_time(pretraining->handout_time));
    }
    if (eventful_) text += events(own);
    if (compares_) text += "\n" + choices() + connections();
    return text;
  }

 private:
  void count() {
    if (working_) working_(done_, total_);
    ++done_;
  }

  std::string device_text() const {
    const std::string device = device_line(config_, flops_of(config_));
    return device.empty() ? "" : fmt::format(" ({})", device);
  }

  std::string title() const {
    const ParameterLayout layout = layout_of(config_);
    const auto& c = config_;
    std::string text =
        fmt::format("PLAN  {}: {} rounds of {} inner steps, {} islands, seed {}\n", loaded_.name(),
                    c.run.rounds, c.run.inner_steps, c.run.islands, c.run.seed);
    text += fmt::format("model      {} values, {} in fp32\n", human_count(layout.count()),
                        human_bytes(4 * layout.count()));
    text += costs_text(c);
    text += fmt::format("compute    {} per inner step{}\n", format_duration(c.compute.step),
                        device_text());
    text += fmt::format("exchange   {}, {}, {}\n", c.run.strategy, c.collective.algorithm,
                        c.collective.codec == c.collective.result
                            ? c.collective.codec
                            : c.collective.codec + " and back " + c.collective.result);
    text += fmt::format("links      {}\n", fabric_.description.places == 0
                                               ? "pipe: messages arrive in no time"
                                               : network_summary(fabric_.description));
    return text;
  }

  static std::string rehearsed(const Rehearsal& r) {
    std::string text = "rehearsed  ";
    if (r.rehearsed_rounds == r.rounds) {
      text += fmt::format("all {} rounds", r.rounds);
    } else {
      text += fmt::format("{} of {} rounds; the others are taken to be like those after the first",
                          r.rehearsed_rounds, r.rounds);
    }
    if (r.rehearsed_values != r.values) {
      text +=
          fmt::format("\n           with {} and {} values; a straight line leads from there to all",
                      human_count(r.rehearsed_values / 2), human_count(r.rehearsed_values));
    }
    return text + "\n";
  }

  static std::string costs(const RunCosts& costs) {
    Table table({{""},
                 {"first round", Align::kRight},
                 {"later rounds", Align::kRight},
                 {"whole run", Align::kRight}});
    const auto bytes = [&](const char* label, std::initializer_list<Cause> causes) {
      std::array<Bytes, 3> sums{};
      for (const Cause cause : causes) {
        sums[0] += of(costs.first_bytes, cause);
        sums[1] += of(costs.later_bytes, cause);
        sums[2] += of(costs.bytes, cause);
      }
      if (sums[2] == 0) return;
      table.row({label, human_count(sums[0]), human_count(sums[1]), human_count(sums[2])});
    };
    bytes("payload, bytes", {Cause::kPayload});
    bytes("control and framing, bytes", {Cause::kControl, Cause::kFraming});
    bytes("aborted, bytes", {Cause::kAborted});
    bytes("catching up, bytes", {Cause::kCatchUp});
    table.row({"time, seconds", plain_seconds(costs.first_time), plain_seconds(costs.later_time),
               plain_seconds(costs.time)});
    table.row({"of it waiting for others", "", "", percent(1 - costs.computing())});
    return table.text() +
           "Bytes are those of all islands together; a later round is the mean of them.\n";
  }

  /// What the events file does, by a rehearsal without it.
  std::string events(const Rehearsal& with) {
    count();
    std::string text = "\nWhat happens to links and islands (network.events, network.islands) is ";
    text += with.rehearsed_rounds == with.rounds ? "in these figures"
                                                 : "in these figures as far as they were rehearsed";
    if (!fabric_.description.outages.empty()) {
      text +=
          fmt::format(",\nwith random outages as seed {} draws them: other seeds, other outages",
                      config_.run.seed);
    }
    if (!fabric_.description.background.empty()) {
      text += fmt::format(",\nwith others' traffic as seed {} draws it", config_.run.seed);
    }
    const RunCosts calm_costs = rehearse(config_, calm(fabric_), own_arm(config_)).costs;
    text += fmt::format(
        ".\nIf nothing happened: {} bytes of payload, {} s in all, {} s per later round.\n",
        human_count(of(calm_costs.bytes, Cause::kPayload)), plain_seconds(calm_costs.time),
        plain_seconds(calm_costs.later_time));
    return text;
  }

  /// Computing's share of the time; none if such a run does not come to its end.
  std::optional<double> share(const RunConfig& given, const char* strategy) {
    count();
    RunConfig config = filled_in(given);
    config.run.strategy = strategy;
    try {
      return too_large_ ? worked_out_share(config) : rehearsed_share(config);
    } catch (const UserError&) {
    } catch (const Deadlock&) {
    } catch (const RunFailed&) {
    }
    return std::nullopt;
  }

  /// The same work in rounds of another length, which meet the same events.
  double rehearsed_share(RunConfig config) const {
    const std::int64_t steps = config_.run.rounds * config_.run.inner_steps;
    config.run.rounds = std::max(kCellLimits.least_rounds, steps / config.run.inner_steps);
    return rehearse(config, fabric_, own_arm(config), kCellLimits).costs.computing();
  }

  /// Of an island, without jitter.
  double mean_step() const {
    Nanos sum{0};
    for (int i = 0; i < config_.run.islands; ++i) {
      const auto& islands = fabric_.description.islands;
      const auto n = static_cast<std::size_t>(i);
      sum += n < islands.size() ? islands[n].step.value_or(config_.compute.step)
                                : config_.compute.step;
    }
    return seconds(sum) / config_.run.islands;
  }

  /// From one rehearsal for all H: an exchange takes as long, whatever was computed before it.
  double worked_out_share(RunConfig config) {
    const double step = mean_step(), computing = step * static_cast<double>(config.run.inner_steps);
    if (config.run.inner_steps > 1) config.run.inner_steps = config_.run.inner_steps;
    const auto& c = config.collective;
    auto& known = exchanges_[{config.run.strategy, c.codec, c.connections}];
    if (!known) {
      const RunCosts costs = rehearse(config, fabric_, own_arm(config), kCellLimits).costs;
      known = seconds(costs.later_time) - step * static_cast<double>(config.run.inner_steps);
    }
    return compute_share(computing, std::max(*known, 0.0));
  }

  static std::string cell(std::optional<double> share, bool own) {
    return (share ? percent(*share) : std::string("does not end")) + (own ? " *" : "  ");
  }

  std::string choices() {
    std::vector<Column> columns{{"H"}};
    for (const auto codec : codec_names()) {
      columns.push_back({std::string(codec) + "  ", Align::kRight});
    }
    Table table(columns);
    std::vector<std::optional<std::int64_t>> least(codec_names().size());
    const auto row = [&](std::string label, const char* strategy, std::int64_t h) {
      std::vector<std::string> cells{std::move(label)};
      for (std::size_t i = 0; i < codec_names().size(); ++i) {
        RunConfig config = loaded_.given;  // so that the mean's codec follows, unless it is named
        config.collective.codec = codec_names()[i];
        config.run.inner_steps = h;
        const auto found = share(config, strategy);
        if (found && *found >= kGood && !least[i] && h > 1) least[i] = h;
        const bool own = config_.run.strategy == strategy && config_.run.strategy == "diloco" &&
                         config_.run.inner_steps == h &&
                         config_.collective.codec == codec_names()[i];
        cells.push_back(cell(found, own));
      }
      table.row(std::move(cells));
    };
    row("data parallel", "data_parallel", 1);
    for (const std::int64_t h : inner_steps_) row(std::to_string(h), "diloco", h);
    std::string text =
        "Share of the time in which islands compute, by inner steps per round (H) and codec";
    text += config_.run.strategy == "diloco" ? " (* as it is):\n\n" : ":\n\n";
    text += table.text() + "\n" + advice(least);
    return text;
  }

  static std::string advice(const std::vector<std::optional<std::int64_t>>& least) {
    std::string text = fmt::format("For {:.0f} % of it, take H = ", 100 * kGood);
    bool any = false;
    for (std::size_t i = 0; i < least.size(); ++i) {
      if (!least[i]) continue;
      text += fmt::format("{}{} with {}", any ? ", " : "", *least[i], codec_names()[i]);
      any = true;
    }
    if (!any) text = fmt::format("None of these reaches {:.0f} %", 100 * kGood);
    return text + ".\nWhat a larger H or fewer bits cost in loss, a plan cannot say.\n";
  }

  std::string connections() {
    std::string text = "With more connections per pair (collective.connections):";
    for (const int connections : kConnections) {
      RunConfig config = loaded_.given;
      config.collective.connections = connections;
      const auto found = share(config, config_.run.strategy.c_str());
      text += fmt::format("{} {}: {}", connections == kConnections.front() ? "" : ",", connections,
                          found ? percent(*found) : "does not end");
    }
    return text + ".\n";
  }

  const LoadedConfig& loaded_;
  const RunConfig config_;
  const FabricOptions& fabric_;
  const std::function<void(int, int)>& working_;
  bool eventful_ = false;  // something happens in the network
  bool compares_ = false;  // there is something to choose
  std::vector<std::int64_t> inner_steps_;
  bool too_large_ = false;  // a rehearsal of the whole model
  /// Seconds of a round without computing, by strategy, codec and connections.
  std::map<std::tuple<std::string, std::string, int>, std::optional<double>> exchanges_;
  int done_ = 0, total_ = 0;
};

}  // namespace

std::string plan_text(const LoadedConfig& loaded, const FabricOptions& fabric,
                      const std::function<void(int, int)>& working) {
  return Plan(loaded, fabric, working).text();
}

}  // namespace strait
