#include "apps/experiment/session.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "apps/experiment/evaluation_files.h"
#include "apps/experiment/idle_tasks.h"
#include "apps/experiment/measured_step.h"
#include "apps/experiment/record_run.h"
#include "apps/output/build_info.h"
#include "apps/output/human.h"
#include "apps/output/run_folder.h"
#include "apps/probing/report.h"
#include "core/base/files.h"
#include "core/base/quantities.h"
#include "core/config/devices.h"
#include "core/config/keys.h"
#include "netsim/network_files.h"

namespace strait {

namespace {

constexpr double kLn2 = 0.69314718055994530942;

/// time_ns,kind,subject,value, with links by name; rate in bytes/s, delay in ns, loss in ppm.
std::string event_line(const TraceRecord& event, const std::vector<LinkRow>& links) {
  std::string_view kind = name_of(event);
  std::string subject = std::to_string(event.a);
  std::int64_t value = event.b;
  if (event.kind == TraceKind::kCaughtUp) value = event.c;
  if (event.kind == TraceKind::kLinkChanged) {
    constexpr std::string_view kChanged[] = {"rate", "delay", "loss"};
    kind = kChanged[event.b];
    value = event.c;
  }
  const bool of_link = event.kind == TraceKind::kLinkDown || event.kind == TraceKind::kLinkUp ||
                       event.kind == TraceKind::kLinkChanged;
  if (of_link) subject = links.at(static_cast<std::size_t>(event.a)).name;
  return fmt::format("{},{},{},{}\n", event.time.count(), kind, subject, value);
}

std::string tcp_line(const NetworkSettings& network) {
  if (network.tcp == "ideal") return "ideal: links are shared fairly and at once";
  std::string line =
      fmt::format("{}, queues of {} bandwidth-delay products", network.tcp, network.queue);
  if (network.queue < 1) line += " (WARNING: less than 1 loses packets whenever a window opens)";
  return line;
}

std::string time_line(const RunConfig& c) {
  if (c.network.kind == "tcp") return "real: as long as it takes";
  return c.run.time == "real" ? "real: the model's times by the wall clock"
                              : "virtual: the model's times, as fast as this machine can";
}

std::string network_line(const NetworkDescription& network) {
  if (network.places == 0) return "pipe: messages arrive in no time";
  std::string line = network_summary(network);
  const std::size_t traces = network.traces.size(), shared = network.background.size();
  if (traces > 0) {
    line += fmt::format("; {} link{} a trace", traces, traces == 1 ? " follows" : "s follow");
  }
  if (shared > 0) {
    line += fmt::format("; others use {} link{}, too", shared, shared == 1 ? "" : "s");
  }
  return line;
}

std::string outer_line(const OuterSettings& outer) {
  std::string line = fmt::format("{} {}", outer.optimizer, outer.lr);
  if (outer.optimizer == "nesterov" || outer.optimizer == "momentum") {
    line += fmt::format(" / {}", outer.momentum);
  } else if (outer.optimizer == "adam") {
    line += fmt::format(" / {} / {}, epsilon {}", outer.beta1, outer.beta2, outer.epsilon);
  }
  return outer.schedule == "constant" ? line : line + ", " + outer.schedule;
}

/// `where_from`: compute.step has its value.
std::string compute_line(const Experiment& x, const std::string& where_from) {
  const ComputeModel model = compute_model(x);
  Nanos least = model.usual_step(0), most = least;
  for (IslandId island = 1; island < x.config.run.islands; ++island) {
    least = std::min(least, model.usual_step(island));
    most = std::max(most, model.usual_step(island));
  }
  const std::string device = device_line(x.config, flops_of(x.config));
  const std::string why = device.empty() ? where_from : device;
  if (least == most) return fmt::format("{} per step and island ({})", format_duration(most), why);
  return fmt::format("{} to {} per step, by island ({})", format_duration(least),
                     format_duration(most), why);
}

}  // namespace

SocketOptions sockets_of(const RunConfig& config) {
  const SocketSettings& s = config.sockets;
  return {.congestion = s.congestion,
          .send_buffer = s.send_buffer,
          .receive_buffer = s.receive_buffer,
          .unsent = s.unsent};
}

FabricOptions fabric_of(const RunConfig& config) {
  if (config.network.kind != "emulated") {
    return {.islands = config.run.islands, .sockets = sockets_of(config)};
  }
  const auto& n = config.network;
  return {.islands = config.run.islands,
          .description = read_network({n.links, n.islands, n.bottlenecks, n.events, n.regions},
                                      config.run.islands, config.run.seed),
          .emulated = {.tcp = {.congestion = congestion_of(n.tcp),
                               .mss = n.mss,
                               .header = n.header_bytes,
                               .window_cap = n.window,
                               .tuned_receive_window = n.tuned_window,
                               .idle_restart = n.idle_restart},
                       .queue = n.queue,
                       .send_buffer = n.send_buffer}};
}

std::vector<ArmOptions> demo_arms(const RunConfig& config) {
  const double lr = config.inner.lr;
  return {{"diloco", "diloco", config.run.islands, lr},
          {"data parallel", "data_parallel", config.run.islands, lr},
          {"island 0 alone", "local", 1, lr}};
}

ArmOptions own_arm(const RunConfig& config) {
  return {config.run.strategy, config.run.strategy, config.run.islands, config.inner.lr};
}

Session::Session(const LoadedConfig& loaded, const std::vector<ArmOptions>& arms,
                 const std::string& deps, std::optional<RealPeer> coordinator,
                 const std::string& resumed, std::FILE* out)
    : arms_(arms),
      tasks_(make_task_source(loaded.config, deps)),
      loaded_(with_measured_step(loaded, *tasks_)),
      coordinator_(std::move(coordinator)),
      experiment_{with_device(loaded_.config, flops_of(loaded_.config)), *tasks_,
                  fabric_of(loaded_.config), /*real=*/coordinator_.has_value()},
      resumes_(!resumed.empty()),
      progress_(out, is_terminal(out)) {
  if (!loaded.config.run.record.empty()) check_recordable(experiment_, arms.front());
  for (const ArmOptions& arm : arms_) check_islands(experiment_, arm);
  if (coordinator_) check_real(loaded.config);
  if (loaded.config.network.kind == "tcp") describe_sockets(sockets_of(loaded.config));
  if (loaded.config.checkpoint.every > 0 && arms_.size() > 1) {
    throw UserError(
        fmt::format("checkpoint.every = {}: only runs of one arm have checkpoints; write 0, or "
                    "strait run SCENARIO",
                    loaded.config.checkpoint.every));
  }
  folder_ = resumes_ ? resumed : make_run_folder(loaded.config.run.out, loaded.name());
  metrics_.emplace(folder_ + "/metrics.csv");
  if (!resumes_) write_run_header(folder_, loaded_);
}

void Session::run() {
  progress_.line(banner_text(banner()));
  if (resumes_ || loaded_.config.checkpoint.every > 0) prepare_checkpoints();
  if (resumes_) resume();
  if (loaded_.config.pretrain.steps > 0 && !coordinator_) run_pretraining();
  progress_.line(round_titles());
  for (const ArmOptions& arm : arms_) run_one(arm);
  write_tables();
  write_verdict();
}

std::vector<BannerSection> Session::banner() const {
  const RunConfig& c = loaded_.config;
  const ParameterLayout layout = tasks_->layout();
  const auto step = loaded_.origins.find("compute.step");
  const bool measured = step != loaded_.origins.end() && step->second.starts_with("measured");
  const Bytes model = 4 * layout.count();
  std::string names;
  for (const auto& arm : arms_) names += (names.empty() ? "" : ", ") + arm.name;
  BannerSection run{
      "run",
      {{"scenario", loaded_.scenario.empty() ? "none" : loaded_.scenario},
       {"arms", names},
       {"islands", fmt::format("{}, {} thread each, {}", c.run.islands, c.run.threads_per_island,
                               c.run.parallel ? "in parallel" : "one at a time")},
       {"work", fmt::format("{} rounds x {} inner steps", c.run.rounds, c.run.inner_steps)},
       {"time", time_line(c)},
       {"seed", std::to_string(c.run.seed)},
       {"settings", hex(settings_hash(c))},
       {"program", build_info().commit},
       {"folder", folder_}}};
  BannerSection model_section{
      "model and data",
      {{"task", c.task.name},
       {"parameters",
        fmt::format("{} ({} in fp32)", human_count(layout.count()), human_bytes(model))},
       {"data", tasks_->data_description()},
       {"data hash", tasks_->data_hash()}}};
  if (tokens_per_step(c) > 0) {
    model_section.lines.emplace_back(
        "batch", fmt::format("{} sequences x {} bytes per island and step",
                             c.inner.accumulate * c.data.sequences, c.model.context));
  }
  model_section.lines.emplace_back(
      "inner", fmt::format("{}, peak rate {}, {}, {} steps in all", c.inner.optimizer, c.inner.lr,
                           c.inner.schedule, total_inner_steps(c)));
  model_section.lines.emplace_back("outer", outer_line(c.outer));
  const bool real = c.network.kind == "tcp";
  const bool free = real && c.compute.pace == "free";
  BannerSection network{
      "network and clock",
      {{"links", real ? describe_sockets(experiment_.fabric.sockets)
                      : network_line(experiment_.fabric.description)},
       {"collective", fmt::format("{}, {}", c.collective.algorithm, c.collective.codec)},
       {"compute", free ? "as long as it takes"
                        : compute_line(experiment_, measured ? step->second : "fixed")}}};
  if (c.network.kind == "emulated") {
    network.lines.emplace_back("TCP", tcp_line(c.network));
    network.lines.emplace_back(
        "probe", probe_line(experiment_.fabric.description, experiment_.fabric.emulated));
  }
  if (!experiment_.fabric.description.links.empty()) {
    const Nanos send = transfer_time(model, experiment_.fabric.description.links.front().rate);
    network.lines.emplace_back(
        "ratio",
        fmt::format("sending the model once takes {:.1f} steps; 150M parameters in fp32 on 1 "
                    "Gbit/s with 1 s steps: {:.1f}",
                    seconds(send) / seconds(experiment_.config.compute.step), 150e6 * 4 * 8 / 1e9));
  }
  std::vector<BannerSection> sections{run, model_section, network, settings_section()};
  if (sections.back().lines.empty()) sections.pop_back();
  return sections;
}

/// Those that are no defaults, and where they came from.
BannerSection Session::settings_section() const {
  static const RunConfig defaults;
  BannerSection section{.title = "settings", .lines = {}};
  for (const Key& key : keys()) {
    const auto origin = loaded_.origins.find(key.name);
    const std::string value = key.print(loaded_.given);
    if (origin == loaded_.origins.end() || value == key.print(defaults)) continue;
    section.lines.emplace_back(key.name, fmt::format("{}  ({})", value, origin->second));
  }
  return section;
}

void Session::prepare_checkpoints() {
  FileStorage(folder_).make_folder("checkpoints");
  saved_ = std::make_unique<FileStorage>(checkpoints_folder());
  saved_->lock("run");
  remove_leftovers(*saved_);
}

void Session::resume() {
  resumed_ = newest_saved_round(*saved_, checkpoints_folder(), tasks_->layout(),
                                [this](const std::string& line) { progress_.line(line); });
  // What the coordinator of the interrupted run knew comes again.
  FileStorage run(folder_);
  for (const std::string& name : run.list("")) {
    if (name.starts_with("journal")) run.remove(name);
  }
  if (!resumed_) {
    return progress_.line(
        fmt::format("{}: no whole checkpoint; the run begins anew\n", checkpoints_folder()));
  }
  const SavedTitle& title = resumed_->title;
  const std::string place = checkpoints_folder() + "/" + saved_round_name(title.round);
  const auto same = [&](const char* what, const std::string& then, const std::string& now) {
    if (then == now) return;
    throw UserError(fmt::format("{}: {} was {} and is {} now; a run is resumed with the same",
                                place, what, then, now));
  };
  same("the settings' hash", title.settings, hex(settings_hash(loaded_.config)));
  same("the text's hash", title.data, tasks_->data_hash());
  progress_.line(fmt::format("resumed from {}: round {} of {}; what was before is replayed\n",
                             place, title.round, title.rounds));
}

/// What pretraining cost, without doing it again. False: there is no whole result of it.
bool Session::replay_pretraining() {
  const IdleTasks idle(loaded_.config, tasks_->layout());
  Pretraining replayed;
  try {
    read_start(*saved_, checkpoints_folder(), tasks_->layout(), replayed);
  } catch (const UserError& error) {
    progress_.line(fmt::format("WARNING: {}; pretraining is done again", error.what()));
    return false;
  }
  pretraining_ = pretrain({experiment_.config, idle, experiment_.fabric}, /*progress=*/{});
  pretraining_->checkpoint = std::move(replayed.checkpoint);
  pretraining_->loss = replayed.loss;
  return true;
}

void Session::run_pretraining() {
  if (resumed_ && replay_pretraining()) return say_pretraining();
  const std::int64_t steps = loaded_.config.pretrain.steps;
  pretraining_ = pretrain(experiment_, [&](std::int64_t step) {
    if (step % 10 == 0) progress_.bar("pretraining", step, steps);
  });
  progress_.clear();
  say_pretraining();
  if (!saved_) return;
  write_start(*saved_, experiment_, arms_.front(), *pretraining_);
}

void Session::say_pretraining() {
  const std::int64_t steps = loaded_.config.pretrain.steps;
  const auto& p = *pretraining_;
  progress_.line(fmt::format(
      "pretraining: {} steps of one model on the batches of all islands, loss {:.4f}; {} handed "
      "out; virtual {} + {}, wall {:.1f} s\n",
      steps, p.loss, human_bytes(p.costs.bytes[static_cast<std::size_t>(Cause::kStart)]),
      human_time(p.compute_time), human_time(p.costs.time - p.compute_time), p.costs.wall_s));
}

void Session::run_one(const ArmOptions& options) {
  const Checkpoint* start = pretraining_ ? &pretraining_->checkpoint : nullptr;
  if (coordinator_ && loaded_.config.pretrain.steps > 0) start = &no_checkpoint_;
  FileStorage journal(folder_);
  std::unique_ptr<RunRecord> record;
  if (!loaded_.config.run.record.empty() && results_.empty()) {
    record = std::make_unique<RunRecord>(loaded_.config.run.record, experiment_, options, start);
  }
  ArmResult titles{.options = options, .plan = train_plan(experiment_, options, start)};
  std::optional<ArmCheckpoints> checkpoints;
  if (saved_ && !coordinator_) {
    checkpoints.emplace(experiment_, options, titles.plan, *saved_, resumed_ ? &*resumed_ : nullptr,
                        [this](const std::string& line) { progress_.line(line); });
  }
  auto result = std::make_unique<ArmResult>(run_somewhere(
      options, journal, start, [&](const RoundRow& row) { show_row(titles, row); }, record.get(),
      checkpoints ? &*checkpoints : nullptr));
  progress_.clear();
  if (record) record->finish();
  add_metrics(*result);
  results_.push_back(std::move(result));
  const std::exception_ptr failure = results_.back()->failure;
  if (!failure) {
    metrics_->write();
    return write_model();
  }
  try {  // what led to it
    metrics_->write();
    write_tables();
  } catch (const UserError&) {
    // A disk that is full for the journal is so for these; what is told is what came first.
  }
  try {
    std::rethrow_exception(failure);
  } catch (const Interrupted& interrupted) {
    stop(interrupted);
  }
}

/// What was done so far is worth a verdict.
void Session::stop(const Interrupted& interrupted) {
  const ArmResult& arm = *results_.back();
  if (arm.rows.empty()) throw interrupted;
  VerdictInput input{.experiment = experiment_, .scenario = loaded_.name()};
  input.stopped = fmt::format("{} after round {} of {} of {}", interrupted.what(),
                              arm.rows.back().round, arm.plan.rounds, arm.options.name);
  if (pretraining_) input.pretraining = &*pretraining_;
  for (const auto& result : results_) input.arms.push_back(result.get());
  write_verdict_files(input);
  throw Interrupted(fmt::format("{}; what was done so far is in {}", input.stopped, folder_));
}

/// The first arm's shared parameters stay, for who wants to use the model.
void Session::write_model() {
  const ArmResult& first = *results_.front();
  if (results_.size() > 1 || first.shared.empty() || !loaded_.config.checkpoint.final) return;
  FileStorage run(folder_);
  run.make_folder("checkpoints");
  FileStorage saved(checkpoints_folder());
  write_final(saved, experiment_, first);
}

/// In this process, or in those of the islands.
ArmResult Session::run_somewhere(const ArmOptions& options, Storage& journal,
                                 const Checkpoint* start, const Board::RowDone& row_done,
                                 IslandObserver* record, ArmCheckpoints* checkpoints) {
  if (!coordinator_) {
    return run_arm(experiment_, options, start, journal, row_done, record, checkpoints);
  }
  RealPeer peer = *coordinator_;
  peer.say = [this](const std::string& line) { progress_.line(line); };
  return coordinate_arm(
      experiment_, options, peer, journal, row_done,
      [this](const Pretraining& pretraining) {
        pretraining_ = pretraining;
        say_pretraining();
      },
      saved_.get());
}

void Session::show_row(const ArmResult& arm, const RoundRow& row) {
  RoundLine line{.arm = arm.options.name,
                 .round = row.round,
                 .rounds = arm.plan.rounds,
                 .step = row.step,
                 .loss = row.loss,
                 .virtual_time = row.time,
                 .sent = row.payload,
                 .members = static_cast<int>(row.roster.contributors().size())};
  const double bytes = tasks_->bytes_per_token();
  if (!row.held_out.empty() && bytes > 0) {
    line.bits_per_byte = row.held_out.front().value / kLn2 / bytes;
  }
  if (row.round > 0) progress_.line(round_line(line));
  progress_.bar(arm.options.name, row.round, arm.plan.rounds);
}

void Session::add_metrics(const ArmResult& arm) {
  std::map<std::int64_t, BytesSent> sent;
  for (const auto& row : arm.ledger) {
    BytesSent& bytes = sent[row.round];
    switch (row.cause) {
      case Cause::kPayload: bytes.payload += row.bytes; break;
      case Cause::kStart: bytes.start += row.bytes; break;
      case Cause::kAborted: bytes.aborted += row.bytes; break;
      case Cause::kCatchUp: bytes.catch_up += row.bytes; break;
      case Cause::kControl: bytes.control += row.bytes; break;
      case Cause::kFraming: bytes.framing += row.bytes; break;
    }
  }
  Nanos waited{0};
  for (const RoundRow& row : arm.rows) {
    MetricsRow metrics{.arm = arm.options.name,
                       .round = row.round,
                       .step = row.step,
                       .tokens = row.tokens,
                       .virtual_time = row.time,
                       .waiting = (row.waited - waited) * arm.options.islands,
                       .sent = sent[row.round],
                       .members = static_cast<int>(row.roster.contributors().size()),
                       .missing = row.missing,
                       .attempts = row.attempts,
                       .discarded_tokens = row.discarded_tokens,
                       .wall_s = row.wall_s};
    if (arm.costs.pace) metrics.late = row.late;
    for (const IslandId island : row.not_finite) metrics.not_finite.push_back(island);
    if (row.round > 0) metrics.loss = row.loss;
    if (!row.held_out.empty()) metrics.held_out = row.held_out.front().value;
    const bool decided = commits_of(experiment_, arm.options) != Commits::kNothing;
    if (decided && row.round > 0) metrics.verdict = "commit";
    waited = row.waited;
    metrics_->add(metrics);
  }
}

void Session::write_tables() {
  std::string links = "arm,from,to,round,cause,bytes\n";
  std::string events = "arm,time_ns,kind,subject,value\n";
  std::string physical = "arm," + to_csv({});
  std::string timeline = "arm,island,kind,begin_ns,end_ns\n";
  for (const auto& arm : results_) {
    for (const auto& row : arm->ledger) {
      links += fmt::format("{},{},{},{},{},{}\n", arm->options.name, index_of(row.from),
                           index_of(row.to), row.round, to_string(row.cause), row.bytes);
    }
    for (const auto& event : arm->events) {
      events += arm->options.name + "," + event_line(event, arm->costs.links);
    }
    timeline += timeline_lines(arm->options.name, arm->timeline);
    const std::string rows = to_csv(arm->costs.links);
    std::size_t at = rows.find('\n') + 1;
    while (at < rows.size()) {
      const std::size_t end = rows.find('\n', at) + 1;
      physical += arm->options.name + "," + rows.substr(at, end - at);
      at = end;
    }
  }
  write_file_atomically(folder_ + "/ledger.csv", links);
  write_file_atomically(folder_ + "/links.csv", physical);
  write_file_atomically(folder_ + "/events.csv", events);
  write_file_atomically(folder_ + "/timeline.csv", timeline);
  write_file_atomically(folder_ + "/evaluations.csv",
                        evaluations_csv(results_, tasks_->bytes_per_token()));
  if (loaded_.config.eval.outer_gradients) {
    write_file_atomically(folder_ + "/outer_gradients.csv", outer_gradients_csv(results_));
  }
}

void Session::write_verdict() {
  VerdictInput input{.experiment = experiment_, .scenario = loaded_.name()};
  if (pretraining_) input.pretraining = &*pretraining_;
  for (const auto& result : results_) input.arms.push_back(result.get());
  for (const auto& result : results_) {
    if (result->options.strategy != "data_parallel" || results_.size() < 2) continue;
    // What it waited for those who were not there is not to be had in half the bytes.
    if (commits_of(experiment_, result->options) == Commits::kSteps) continue;
    progress_.bar("pricing data parallelism in bf16", 0, 1);
    input.baseline = model_baseline(experiment_, *result);
  }
  const TrainPlan& plan = results_.front()->plan;
  input.count_model_bits_per_byte = tasks_->count_model_bits_per_byte(
      results_.front()->options.islands,
      (plan.first_step + plan.rounds * plan.steps_per_round) * plan.batches_per_step);
  input.prediction = quick_prediction(experiment_.config, experiment_.fabric, arms_.front());
  progress_.clear();
  write_verdict_files(input);
}

void Session::write_verdict_files(VerdictInput& input) {
  input.wall_s = timer_.seconds();
  input.cpu_s = process_cpu_seconds();
  const std::string text = verdict_text(input);
  write_file_atomically(folder_ + "/verdict.txt", text);
  write_file_atomically(folder_ + "/verdict.json", verdict_json(input));
  progress_.line("\n" + text);
  progress_.line(fmt::format("written to {}", folder_));
}

}  // namespace strait
