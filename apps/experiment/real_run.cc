#include "apps/experiment/real_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apps/experiment/churn.h"
#include "apps/experiment/life.h"
#include "apps/experiment/news_messages.h"
#include "apps/experiment/real_checkpoints.h"
#include "apps/output/human.h"
#include "core/base/errors.h"
#include "core/train/flat_math.h"

namespace strait {

namespace {

constexpr Nanos kLook{100'000'000};  // how often the coordinator looks whether the run has failed
constexpr Nanos kFarewell{1'000'000'000};  // that islands have to hear why

WorldOptions real_world(const Experiment& x, const ArmOptions& options, const RealPeer& peer) {
  WorldOptions world = arm_world(x, options);
  world.run_id = peer.run_id;
  world.make_fabric = peer.network;
  world.only = OnePeer{.peer = peer.self, .incarnation = peer.incarnation, .joins = peer.joins};
  return world;
}

/// What people want to know while it happens; empty for the rest.
std::string membership_line(const TraceRecord& event) {
  switch (event.kind) {
    case TraceKind::kSuspect: return fmt::format("island {} is silent", event.a);
    case TraceKind::kExpelled: return fmt::format("island {} is gone: expelled", event.a);
    case TraceKind::kMissed: return fmt::format("island {} has missed round {}", event.a, event.b);
    case TraceKind::kRound:
      return event.c == 1 ? "" : fmt::format("round {}: an attempt was aborted", event.a);
    default: return "";
  }
}

/// What islands tell, for the board, and who of them is still at it.
class Desk {
 public:
  /// `checkpoints` may be null.
  Desk(World& world, Board& board, Timeline& timeline, ArmResult& result, const RealPeer& peer,
       const ParameterLayout& layout, bool wants_model, RealCheckpoints* checkpoints)
      : world_(world),
        board_(board),
        timeline_(timeline),
        result_(result),
        state_(*peer.state),
        say_(peer.say),
        layout_(layout),
        wants_model_(wants_model),
        checkpoints_(checkpoints) {}

  std::function<void(const Pretraining&)> pretrained;

  /// When the last island ended; the model's way here is no part of the run.
  std::optional<Nanos> ended_at() const { return ended_at_; }

  /// Of all islands and their lives, as far as they have told.
  StreamFigures tcp() const {
    StreamFigures sum = earlier_lives_;
    for (const auto& [island, figures] : tcp_) sum.add(figures);
    return sum;
  }

  void hear(IslandId from, std::span<const std::byte> bytes) {
    Outcome<News> news = unpack_news(bytes, from);
    if (!news.ok()) return;  // of a version that differs; it tells people less
    state_.begun.insert(from);
    present_.insert(from);
    std::visit([&](auto& message) { on(from, message); }, news.value());
    end_if_over();
  }

  void record(const TraceRecord& event) {
    timeline_.record(event);
    board_.record(event);
    if (event.kind == TraceKind::kRound && event.c == 1) {
      state_.committed = static_cast<std::uint32_t>(event.a);
    }
    const std::string what = membership_line(event);
    if (!what.empty()) say_(fmt::format("{:>10.3f} s  {}", seconds(event.time), what));
    if (event.kind != TraceKind::kExpelled) return;
    const auto island = static_cast<IslandId>(event.a);
    world_.loop().post([this, island] {
      if (present_.erase(island) > 0) board_.gone(island, 0);
      end_if_over();
    });
  }

  void row_done(const RoundRow& row) {
    if (checkpoints_ != nullptr) checkpoints_->row_done(row);
  }

  void settle_checkpoints(bool wait) {
    const std::string complaint = checkpoints_->settle(wait);
    if (!complaint.empty()) say_(complaint);
  }

  /// The coordinator has told everybody that the run cannot go on; then it ends here, too.
  void watch() {
    if (checkpoints_ != nullptr) settle_checkpoints(/*wait=*/false);
    const auto failure = world_.failure();
    if (failure && !failed_since_) failed_since_ = world_.now();
    if (failure && world_.now() >= *failed_since_ + kFarewell) throw RunFailed(failure->what);
    world_.loop().at(world_.now() + kLook, [this] { watch(); });
  }

 private:
  void on(IslandId from, const BegunNews&) {
    if (const auto life = tcp_.find(from); life != tcp_.end()) {
      earlier_lives_.add(life->second);
      tcp_.erase(life);
    }
  }
  void on(IslandId, IslandReport& report) {
    const Boundary& b = report.boundary;
    report.now = world_.now();
    if (b.caught_up_to > b.caught_up_from) {
      result_.events.push_back(
          {report.now, TraceKind::kCaughtUp, report.island, b.caught_up_from, b.caught_up_to});
    }
    timeline_.round_done(report);
    board_.round_done(report);
    copy_if_due(report.island, b.state);
  }
  void on(IslandId from, const EvaluatedNews& m) {
    board_.evaluated(from, m.round, m.share, m.metrics);
  }
  void on(IslandId from, const EndedNews& m) {
    board_.gone(from, m.lost_tokens);
    present_.erase(from);
    finished_ = finished_ || m.round >= result_.plan.rounds;
    if (m.round == result_.shared_round && m.shared_hash != result_.parameter_hash) {
      throw RunFailed(fmt::format(
          "after round {} island {} has other shared parameters than "
          "island {}: hash {} instead of {}",
          m.round, from, result_.shared_by, hex(m.shared_hash), hex(result_.parameter_hash)));
    }
    if (m.round > result_.shared_round) {
      result_.shared_round = m.round;
      result_.shared_by = from;
      result_.parameter_hash = m.shared_hash;
      holders_.clear();
    }
    if (m.round == result_.shared_round && !m.leaves) holders_.push_back(from);
  }
  void on(IslandId, const LedgerNews& m) {
    for (const auto& e : m.entries) {
      world_.ledger().add(e.from, e.to, e.attempt, e.cause, e.bytes);
    }
  }
  void on(IslandId from, const TcpNews& m) { tcp_[from] = m.figures; }
  void on(IslandId, const PretrainedNews& m) {
    Pretraining told{.compute_time = m.compute_time, .loss = m.loss};
    told.costs.time = world_.now();
    if (pretrained) pretrained(told);
  }

  void end_if_over() {
    if (ended_at_ || !finished_ || !present_.empty()) return;
    ended_at_ = world_.now();
    if (!copying_) end();
  }

  /// The model is the last copy. Islands stay until the run is said to be over, so they can still
  /// give what they have.
  void end() {
    if (std::exchange(model_asked_, true) || !wants_model_) return world_.end_run();
    const Nanos asked = world_.now();
    copy("model", holders_, result_.shared_round - 1, /*buffers=*/1, [this, asked](StateCopy copy) {
      auto flat = flat_buffers(copy.state, 1, layout_);
      if (flat.empty() || copy.round != result_.shared_round ||
          hash_floats(flat[0]) != result_.parameter_hash) {
        return say_("WARNING: no model: an island has given other parameters than it named");
      }
      result_.shared = std::move(flat[0]);
      say_(fmt::format("{:>10.3f} s  the model is here, {} later", seconds(world_.now()),
                       human_time(world_.now() - asked)));
    });
  }

  /// Island `first` has come to `round`. While the copy before is on its way or is being written
  /// the next one waits, and is of a later round.
  void copy_if_due(IslandId first, std::uint32_t round) {
    if (checkpoints_ == nullptr || round <= seen_ || ended_at_) return;
    due_ = due_ || checkpoints_->due(seen_, round);
    seen_ = round;
    if (!due_ || copying_) return;
    settle_checkpoints(/*wait=*/false);
    if (checkpoints_->busy()) return;
    due_ = false;
    const std::string what = fmt::format("checkpoint of round {}", round);
    std::vector<IslandId> donors{first};
    for (const IslandId other : present_) {
      if (other != first) donors.push_back(other);
    }
    copy(what, donors, round - 1, checkpoints_->buffers(), [this](StateCopy copy) {
      const auto& rows = board_.rows();
      const auto row = std::find_if(rows.begin(), rows.end(),
                                    [&](const RoundRow& r) { return r.round == copy.round; });
      checkpoints_->take(copy.state, copy.round, row == rows.end() ? nullptr : &*row);
    });
  }

  /// One at a time.
  void copy(const std::string& what, const std::vector<IslandId>& donors, std::uint32_t after,
            std::uint32_t buffers, std::function<void(StateCopy)> use) {
    copying_ = true;
    world_.copy_state(donors, after, buffers,
                      [this, what, use = std::move(use)](Outcome<StateCopy> copy) {
                        copying_ = false;
                        if (copy.ok()) {
                          use(std::move(copy).value());
                        } else {
                          say_(fmt::format("WARNING: no {}: {}", what, copy.failure().what));
                        }
                        if (ended_at_) end();
                      });
  }

  World& world_;
  Board& board_;
  Timeline& timeline_;
  ArmResult& result_;
  RealState& state_;
  const std::function<void(const std::string&)>& say_;
  std::set<IslandId> present_;
  std::map<IslandId, StreamFigures> tcp_;  // of this life
  StreamFigures earlier_lives_;
  const ParameterLayout& layout_;
  const bool wants_model_;
  RealCheckpoints* const checkpoints_;
  std::vector<IslandId> holders_;  // have ended with the newest shared parameters, and stay
  std::uint32_t seen_ = 0;         // the last round that an island has come to
  bool due_ = false;               // a checkpoint
  bool copying_ = false;
  bool finished_ = false;  // an island has got to the last round
  std::optional<Nanos> ended_at_;
  bool model_asked_ = false;
  std::optional<Nanos> failed_since_;
};

/// At an island: what the board would hear goes to the coordinator's process.
class NewsObserver final : public LifeObserver {
 public:
  NewsObserver(Clock& clock, World& world, const RealPeer& peer, const std::atomic<bool>& leaving,
               IslandEnd& end)
      : clock_(clock), world_(world), peer_(peer), leaving_(leaving), end_(end) {}

  void begun() { tell(BegunNews{}); }
  void pretrained(const PretrainPart& part) {
    tell(PretrainedNews{.compute_time = part.compute_time, .loss = part.loss});
  }
  void round_done(const IslandRound& round, std::span<const float>) override {
    IslandReport report = report_of(round);
    clock_.post([this, report] {
      say_line(report);
      // Its bytes first: the board sums them up when the last island has reported.
      tell_costs();
      tell_now(report);
    });
  }
  void evaluated(IslandId, std::uint32_t round, EvaluationShare share,
                 const std::vector<Metric>& metrics) override {
    tell(EvaluatedNews{round, share, metrics});
  }
  void ended(IslandId, std::int64_t lost_tokens) override { lost_tokens_ = lost_tokens; }
  void left(IslandId, std::uint32_t round, std::span<const float> shared) override {
    const EndedNews news{.lost_tokens = lost_tokens_,
                         .round = round,
                         .shared_hash = hash_floats(shared),
                         .leaves = leaving_};
    end_.round = round;
    end_.shared_hash = news.shared_hash;
    clock_.post([this] { tell_costs(); });
    tell(news);
    clock_.post([this, leaves = news.leaves] { world_.end_island(leaves); });
  }

 private:
  void tell(News news) {
    clock_.post([this, news = std::move(news)] { tell_now(news); });
  }
  void tell_now(const News& news) {
    for (auto& message : pack(news)) world_.tell(std::move(message));
  }
  void tell_costs() {
    tell_now(LedgerNews{world_.ledger().take_added()});
    if (const auto figures = world_.figures()) tell_now(TcpNews{*figures});
  }
  void say_line(const IslandReport& report) {
    const Boundary& b = report.boundary;
    const double loss = report.steps > 0 ? report.loss / static_cast<double>(report.steps) : 0;
    const std::string what = b.round > 0 ? fmt::format("round {:>4}", b.round) : "missed    ";
    const std::string fetched = b.caught_up_to > b.caught_up_from
                                    ? fmt::format(", caught up to round {}", b.caught_up_to)
                                    : "";
    peer_.say(fmt::format("{}  loss {:.4f}  waited {}  sent {}  members {}{}", what, loss,
                          human_time(report.waited - waited_),
                          human_bytes(world_.ledger().total() - sent_), b.roster.members.size(),
                          fetched));
    waited_ = report.waited;
    sent_ = world_.ledger().total();
  }

  Clock& clock_;
  World& world_;
  const RealPeer& peer_;
  const std::atomic<bool>& leaving_;
  IslandEnd& end_;
  std::int64_t lost_tokens_ = 0;
  Nanos waited_{0};
  Bytes sent_ = 0;
};

}  // namespace

void check_real(const RunConfig& c) {
  if (c.run.islands == 1) {
    throw UserError(
        "run.islands = 1: an island alone has nobody to talk to; write 2 or more, or strait run");
  }
  if (c.run.strategy == "local") {
    throw UserError(
        "run.strategy = local: its islands never talk; run it in one process, without a network");
  }
  if (c.eval.outer_gradients) {
    throw UserError(
        "eval.outer_gradients = true: islands that are processes of their own have only their own; "
        "run it with network.kind = pipe, which has the same bits");
  }
  if (!c.run.record.empty()) {
    throw UserError(
        "run.record: islands that are processes of their own cannot be recorded yet; "
        "record the same run with network.kind = pipe, which has the same bits");
  }
}

ArmResult coordinate_arm(const Experiment& x, const ArmOptions& options, const RealPeer& peer,
                         Storage& journal, const Board::RowDone& row_done,
                         const std::function<void(const Pretraining&)>& pretrained,
                         FolderStorage* checkpoints) {
  const WallTimer timer;
  Checkpoint only_steps;  // of pretraining, which island 0 does
  const bool pretrains = x.config.pretrain.steps > 0;
  ArmResult result{.options = options,
                   .plan = train_plan(x, options, pretrains ? &only_steps : nullptr)};
  std::optional<Desk> desk;
  WorldOptions settings = real_world(x, options, peer);
  settings.only->hear = [&](IslandId from, std::span<const std::byte> news) {
    desk->hear(from, news);
  };
  World world(settings, journal);
  Board board(options.islands, everyone(options.islands), result.plan, world.ledger(),
              [&](const RoundRow& row) {
                row_done(row);
                desk->row_done(row);
              });
  peer.state->committed = world.committed_rounds();
  Timeline timeline(options.islands, everyone(options.islands));
  const ParameterLayout layout = x.tasks.layout();
  std::optional<RealCheckpoints> kept;
  if (checkpoints != nullptr) kept.emplace(x, options, result.plan, *checkpoints);
  desk.emplace(world, board, timeline, result, peer, layout, x.config.checkpoint.final,
               kept ? &*kept : nullptr);
  desk->pretrained = pretrained;
  world.listen([&](const TraceRecord& event) {
    if (event.kind >= TraceKind::kLinkDown) result.events.push_back(event);
    desk->record(event);
  });
  world.loop().post([&] { desk->watch(); });
  try {
    world.run([](IslandId, World::Ports&) {});
  } catch (...) {
    result.failure = std::current_exception();
  }
  board.finish();
  if (kept) desk->settle_checkpoints(/*wait=*/true);
  result.tokens = board.tokens();
  result.discarded_tokens = board.discarded_tokens();
  result.rows = board.rows();
  result.ledger = world.ledger().rows();
  result.costs = costs_of(world, timer.seconds());
  result.costs.time = desk->ended_at().value_or(result.costs.time);
  result.timeline = timeline.intervals(result.costs.time);
  result.costs.tcp = desk->tcp();
  return result;
}

IslandEnd run_island(const Experiment& x, const ArmOptions& options, const RealPeer& peer) {
  const WallTimer timer;
  SimulatedStorage no_journal;
  IslandEnd end;
  World world(real_world(x, options, peer), no_journal);
  std::unique_ptr<NewsObserver> observer;  // outlives the island's thread: the loop calls it
  world.run([&](IslandId island, World::Ports& ports) {
    observer = std::make_unique<NewsObserver>(ports.clock, world, peer, ports.leaving, end);
    observer->begun();
    std::optional<Checkpoint> start;
    if (x.config.pretrain.steps > 0 && !ports.joins) {
      PretrainPart part = pretrain_part(x, island, ports, {});
      if (island == 0) observer->pretrained(part);
      start = std::move(part.checkpoint);
    }
    Checkpoint only_steps;
    const TrainPlan plan =
        train_plan(x, options, x.config.pretrain.steps > 0 ? &only_steps : nullptr);
    live(x, options, plan, start ? &*start : nullptr, island, ports, *observer);
  });
  end.costs = costs_of(world, timer.seconds());
  return end;
}

}  // namespace strait
