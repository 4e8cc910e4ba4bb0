#include "core/config/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/quantities.h"
#include "core/config/keys.h"

namespace strait {
namespace {

/// Far beyond every sensible run, so that products of two settings fit into 64 bits.
constexpr std::int64_t kManySteps = 10'000'000;
constexpr std::int64_t kManyElements = 1'000'000'000;
constexpr double kLargeNumber = 1e6;

/// Beyond these somebody wrote the wrong unit.
constexpr Nanos kLongestStep = std::chrono::hours(1);
constexpr BytesPerSecond kSlowestMemory{1'000'000};
constexpr Nanos kLongestWait = std::chrono::hours(1);
constexpr Nanos kShortestWait = std::chrono::milliseconds(10);
constexpr Bytes kLargestPiece = Bytes{1} << 30;
constexpr Bytes kLargestWindow = Bytes{1} << 40;

/// Keeps the first mistake.
class Rules {
 public:
  explicit Rules(const RunConfig& config) : config_(config) {}

  void require(bool right, const char* name, const std::string& fix) {
    if (right || mistake_) return;
    const Key* const key = find_key(name);
    STRAIT_CHECK(key != nullptr, "no key {}", name);
    mistake_ = Mistake{name, key->print(config_), fix};
  }

  void between(std::int64_t value, const char* name, std::int64_t low, std::int64_t high) {
    require(value >= low && value <= high, name, fmt::format("has to be {} to {}", low, high));
  }

  /// Numbers above a million are as good as infinite in fp32 sums.
  void positive(double value, const char* name) {
    require(value > 0, name, "has to be above 0");
    require(value <= kLargeNumber, name, "has to be 1e6 or less");
  }

  void not_negative(double value, const char* name) {
    require(value >= 0, name, "has to be 0 or more");
    require(value <= kLargeNumber, name, "has to be 1e6 or less");
  }

  void below_one(double value, const char* name) {
    require(value >= 0 && value < 1, name, "has to be 0 or more and below 1");
  }

  std::optional<Mistake> mistake() const { return mistake_; }

 private:
  const RunConfig& config_;
  std::optional<Mistake> mistake_;
};

void check_run(const RunConfig& c, Rules& rules) {
  rules.between(c.run.islands, "run.islands", 1, 1024);
  rules.between(c.run.rounds, "run.rounds", 1, kManySteps);
  rules.between(c.run.inner_steps, "run.inner_steps", 1, kManySteps);
  rules.between(c.run.threads_per_island, "run.threads_per_island", 1, 1024);
  const std::string& device = c.run.device;
  const bool gpu =
      device == "cuda" ||
      (device.starts_with("cuda:") && device.size() <= 7 &&
       device.find_first_not_of("0123456789", 5) == std::string::npos && device.size() > 5);
  rules.require(device == "cpu" || gpu, "run.device", "is no device; write cpu, cuda or cuda:1");
  rules.require(device == "cpu" || c.task.name == "language", "run.device",
                fmt::format("task.name = {} computes on the cpu; write cpu", c.task.name));
  rules.between(c.eval.every, "eval.every", 0, kManySteps);
  rules.between(c.checkpoint.every, "checkpoint.every", 0, kManySteps);
  rules.between(c.checkpoint.keep, "checkpoint.keep", 1, 1000);
  const bool here = c.network.kind != "tcp";  // not islands that are processes of their own
  rules.require(c.checkpoint.every == 0 || c.run.time == "virtual" || !here, "checkpoint.every",
                "a run in real time would stand still meanwhile and cannot be resumed; write 0, or "
                "run.time = virtual");
  rules.require(c.run.max_lateness > Nanos{0} && c.run.max_lateness <= kLongestWait,
                "run.max_lateness", "has to be above 0s, and 1h or less");
  rules.require(c.run.time == "virtual" || c.run.parallel, "run.parallel",
                "islands that take turns are late in real time; write true, or run.time = virtual");
}

void check_model(const RunConfig& c, Rules& rules) {
  const ModelSettings& model = c.model;
  rules.between(model.layers, "model.layers", 1, 1000);
  rules.between(model.width, "model.width", 1, 65536);
  rules.between(model.heads, "model.heads", 1, 1024);
  rules.between(model.context, "model.context", 1, 1 << 20);
  rules.require(model.head_size != 0, "model.width",
                fmt::format("is not divisible by model.heads = {}; change one of them or give "
                            "model.head_size",
                            model.heads));
  rules.between(model.head_size, "model.head_size", 1, 65536);
  rules.positive(model.init_std, "model.init_std");
  rules.require(model.vocabulary >= 2 && model.vocabulary <= kManyElements, "model.vocabulary",
                "has to be 2 or more, or 0 for as many as the data has");
  rules.require(model.start.empty() || c.task.name == "language", "model.start",
                fmt::format("task.name = {} has no GPT; leave it empty", c.task.name));
  rules.between(c.quadratic.size, "quadratic.size", 128, kManyElements);
  rules.require(c.quadratic.conditioning >= 1 && c.quadratic.conditioning <= 1e12,
                "quadratic.conditioning", "has to be 1 to 1e12");
  rules.not_negative(c.quadratic.spread, "quadratic.spread");
  rules.not_negative(c.quadratic.noise, "quadratic.noise");
}

void check_data(const RunConfig& c, Rules& rules) {
  const auto& languages = c.data.languages;
  rules.require(!languages.empty(), "data.languages", "name at least one source, e.g. en");
  rules.require(std::set(languages.begin(), languages.end()).size() == languages.size(),
                "data.languages", "names a source twice; keep one of each");
  const auto& sizes = c.data.sizes;
  const bool by_size = c.data.split == "by_size", by_source = c.data.split == "by_source";
  rules.require(
      by_source || c.data.mixing == 0, "data.mixing",
      fmt::format("data.split = {} does not read it; write data.split = by_source", c.data.split));
  rules.require(
      by_size || sizes.empty(), "data.sizes",
      fmt::format("data.split = {} does not read it; write data.split = by_size", c.data.split));
  rules.require(!by_size || std::ssize(sizes) == c.run.islands, "data.sizes",
                fmt::format("data.split = by_size takes a number for each of the run.islands = {}",
                            c.run.islands));
  rules.require(std::all_of(sizes.begin(), sizes.end(),
                            [](std::int64_t size) { return size >= 1 && size <= kManySteps; }),
                "data.sizes", fmt::format("has to have numbers of 1 to {}", kManySteps));
  rules.between(c.data.sequences, "data.sequences", 1, 65536);
  rules.between(c.data.held_out_windows, "data.held_out_windows", 1, kManySteps);
}

void check_optimizers(const RunConfig& c, Rules& rules) {
  rules.positive(c.inner.lr, "inner.lr");
  rules.below_one(c.inner.beta1, "inner.beta1");
  rules.below_one(c.inner.beta2, "inner.beta2");
  rules.positive(c.inner.epsilon, "inner.epsilon");
  rules.require(static_cast<float>(c.inner.epsilon) > 0, "inner.epsilon", "has to be above 1e-45");
  rules.not_negative(c.inner.weight_decay, "inner.weight_decay");
  rules.not_negative(c.inner.clip_norm, "inner.clip_norm");
  rules.require(c.inner.warmup >= 0 && c.inner.warmup <= 1, "inner.warmup", "has to be 0 to 1");
  rules.require(c.inner.final_lr >= 0 && c.inner.final_lr <= 1, "inner.final_lr",
                "has to be 0 to 1");
  rules.require(c.inner.decay >= 0 && c.inner.decay <= 1, "inner.decay", "has to be 0 to 1");
  rules.require(c.inner.schedule != "wsd" || c.inner.decay + c.inner.warmup <= 1, "inner.decay",
                fmt::format("leaves no room for inner.warmup = {}; both together have to be 1 or "
                            "less",
                            c.inner.warmup));
  rules.between(c.inner.accumulate, "inner.accumulate", 1, 65536);
  rules.positive(c.outer.lr, "outer.lr");
  rules.below_one(c.outer.momentum, "outer.momentum");
  rules.below_one(c.outer.beta1, "outer.beta1");
  rules.below_one(c.outer.beta2, "outer.beta2");
  rules.positive(c.outer.epsilon, "outer.epsilon");
  rules.between(c.pretrain.steps, "pretrain.steps", 0, kManySteps);
  rules.positive(c.pretrain.lr, "pretrain.lr");
}

void check_exchange(const RunConfig& c, Rules& rules) {
  rules.require(c.collective.piece >= 1024 && c.collective.piece <= kLargestPiece,
                "collective.piece", "has to be 1KiB to 1GiB");
  rules.require(c.collective.eager_limit >= 0, "collective.eager_limit", "has to be 0B or more");
  rules.between(c.collective.connections, "collective.connections", 0, 64);
  rules.require(c.network.kind != "emulated" || !c.network.links.empty(), "network.links",
                "an emulated network needs a CSV file of its links, e.g. links/demo.csv; or write "
                "network.kind = pipe");
  rules.between(c.network.header_bytes, "network.header_bytes", 0, 65536);
  rules.between(c.network.mss, "network.mss", 1, 65536);
  rules.require(c.network.queue >= 0 && c.network.queue <= 1000, "network.queue",
                "has to be 0 to 1000");
  const std::string packet = fmt::format("has to be network.mss = {} or more", c.network.mss);
  rules.require(c.network.window >= c.network.mss, "network.window", packet);
  rules.require(c.network.window <= kLargestWindow, "network.window", "has to be 1TiB or less");
  rules.require(c.network.send_buffer >= c.network.mss, "network.send_buffer", packet);
  const auto buffer = [&](Bytes bytes, const char* name) {
    rules.require(bytes == 0 || (bytes >= 4096 && bytes <= kLargestPiece), name,
                  "has to be 4KiB to 1GiB, or 0B");
  };
  buffer(c.sockets.send_buffer, "sockets.send_buffer");
  buffer(c.sockets.receive_buffer, "sockets.receive_buffer");
  rules.require(c.sockets.unsent >= 4096 && c.sockets.unsent <= kLargestPiece, "sockets.unsent",
                "has to be 4KiB to 1GiB");
  rules.require(c.compute.step >= Nanos{0} && c.compute.step <= kLongestStep, "compute.step",
                "has to be 0s to 1h");
  rules.require(c.compute.mfu > 0 && c.compute.mfu <= 1, "compute.mfu",
                "has to be above 0 and at most 1");
  rules.require(c.compute.flops_per_step >= 0 && c.compute.flops_per_step <= 1e24,
                "compute.flops_per_step", "has to be 0 to 1e24");
  rules.require(c.compute.jitter >= 0 && c.compute.jitter <= 1, "compute.jitter",
                "has to be 0 to 1");
  rules.require(c.compute.memory_rate >= kSlowestMemory, "compute.memory_rate",
                "has to be 1MB/s or more; write inf for no cost");
}

void check_rounds(const RunConfig& c, Rules& rules) {
  const RoundSettings& r = c.rounds;
  rules.require(r.quorum >= 0 && r.quorum <= c.run.islands, "rounds.quorum",
                fmt::format("has to be 0 to run.islands = {}", c.run.islands));
  rules.require(r.grace >= Nanos{0} && r.grace <= kLongestWait, "rounds.grace",
                "has to be 0s to 1h");
  rules.between(r.keep, "rounds.keep", 0, 1000);
  const auto waits = [&](Nanos wait, const char* name) {
    rules.require(wait >= kShortestWait && wait <= kLongestWait, name, "has to be 10ms to 1h");
  };
  waits(r.miss_after, "rounds.miss_after");
  waits(r.suspect_after, "rounds.suspect_after");
  waits(r.peer_timeout, "rounds.peer_timeout");
  rules.require(
      r.suspect_after < r.peer_timeout, "rounds.suspect_after",
      fmt::format("has to be below rounds.peer_timeout = {}", format_duration(r.peer_timeout)));
}

}  // namespace

std::string Mistake::line() const {
  return value.empty() ? fmt::format("{} is empty: {}", key, fix)
                       : fmt::format("{} = {}: {}", key, value, fix);
}

std::optional<Mistake> find_mistake(const RunConfig& config) {
  Rules rules(config);
  for (auto* check :
       {check_run, check_model, check_data, check_optimizers, check_exchange, check_rounds}) {
    check(config, rules);
  }
  return rules.mistake();
}

void validate(const RunConfig& config) {
  if (const auto mistake = find_mistake(filled_in(config)); mistake) {
    throw UserError(mistake->line());
  }
}

}  // namespace strait
