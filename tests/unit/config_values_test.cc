#include <functional>

#include "core/base/errors.h"
#include "core/config/keys.h"
#include "core/config/run_config.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

RunConfig valid() {
  RunConfig config;
  config.network.kind = "pipe";
  return config;
}

TEST_CASE("the defaults can be run over a pipe", "[config]") { CHECK_NOTHROW(validate(valid())); }

TEST_CASE("impossible settings are refused with key, value and fix", "[config]") {
  struct Row {
    std::function<void(RunConfig&)> change;
    std::string line;
  };
  const std::vector<Row> rows = {
      {[](auto& c) { c.run.inner_steps = 0; }, "run.inner_steps = 0: has to be 1 to 10000000"},
      {[](auto& c) { c.run.rounds = 0; }, "run.rounds = 0: has to be 1 to 10000000"},
      {[](auto& c) { c.run.islands = 0; }, "run.islands = 0: has to be 1 to 1024"},
      {[](auto& c) { c.run.islands = 1025; }, "run.islands = 1025: has to be 1 to 1024"},
      {[](auto& c) { c.run.islands = -3; }, "run.islands = -3: has to be 1 to 1024"},
      {[](auto& c) { c.run.threads_per_island = 0; },
       "run.threads_per_island = 0: has to be 1 to 1024"},
      {[](auto& c) { c.quadratic.size = 0; }, "quadratic.size = 0: has to be 128 to 1000000000"},
      {[](auto& c) { c.quadratic.conditioning = 0.5; },
       "quadratic.conditioning = 0.5: has to be 1 to 1e12"},
      {[](auto& c) { c.quadratic.noise = -1; }, "quadratic.noise = -1: has to be 0 or more"},
      {[](auto& c) { c.model.heads = 3; },
       "model.width = 128: is not divisible by model.heads = 3; change one of them or give "
       "model.head_size"},
      {[](auto& c) { c.model.layers = -1; }, "model.layers = -1: has to be 1 to 1000"},
      {[](auto& c) { c.model.vocabulary = 1; },
       "model.vocabulary = 1: has to be 2 or more, or 0 for as many as the data has"},
      {[](auto& c) {
         c.data.languages = {"en", "de", "en"};
       },
       "data.languages = en,de,en: names a source twice; keep one of each"},
      {[](auto& c) { c.data.languages.clear(); },
       "data.languages is empty: name at least one source, e.g. en"},
      {[](auto& c) { c.data.sequences = 0; }, "data.sequences = 0: has to be 1 to 65536"},
      {[](auto& c) { c.inner.lr = 0; }, "inner.lr = 0: has to be above 0"},
      {[](auto& c) { c.inner.lr = 1e7; }, "inner.lr = 10000000: has to be 1e6 or less"},
      {[](auto& c) { c.inner.epsilon = 1e-50; }, "inner.epsilon = 1e-50: has to be above 1e-45"},
      {[](auto& c) { c.compute.step = std::chrono::minutes(61); },
       "compute.step = 3660s: has to be 0s to 1h"},
      {[](auto& c) { c.compute.mfu = 0; }, "compute.mfu = 0: has to be above 0 and at most 1"},
      {[](auto& c) { c.compute.flops_per_step = -1; },
       "compute.flops_per_step = -1: has to be 0 to 1e24"},
      {[](auto& c) { c.inner.beta2 = 1; }, "inner.beta2 = 1: has to be 0 or more and below 1"},
      {[](auto& c) { c.inner.clip_norm = -1; }, "inner.clip_norm = -1: has to be 0 or more"},
      {[](auto& c) { c.outer.lr = -0.7; }, "outer.lr = -0.7: has to be above 0"},
      {[](auto& c) { c.outer.momentum = 1; },
       "outer.momentum = 1: has to be 0 or more and below 1"},
      {[](auto& c) { c.pretrain.steps = -1; }, "pretrain.steps = -1: has to be 0 to 10000000"},
      {[](auto& c) { c.collective.piece = 1; }, "collective.piece = 1B: has to be 1KiB to 1GiB"},
      {[](auto& c) { c.collective.connections = -1; },
       "collective.connections = -1: has to be 0 to 64"},
      {[](auto& c) { c.network.window = 1000; },
       "network.window = 1kB: has to be network.mss = 1448 or more"},
      {[](auto& c) { c.network.window = Bytes{1} << 41; },
       "network.window = 2TiB: has to be 1TiB or less"},
      {[](auto& c) { c.network.kind = "emulated"; },
       "network.links is empty: an emulated network needs a CSV file of its links, e.g. "
       "links/demo.csv; or write network.kind = pipe"},
      {[](auto& c) { c.rounds.quorum = -1; }, "rounds.quorum = -1: has to be 0 to run.islands = 4"},
      {[](auto& c) { c.rounds.quorum = 5; }, "rounds.quorum = 5: has to be 0 to run.islands = 4"},
      {[](auto& c) { c.rounds.grace = std::chrono::hours(2); },
       "rounds.grace = 7200s: has to be 0s to 1h"},
      {[](auto& c) { c.rounds.keep = -1; }, "rounds.keep = -1: has to be 0 to 1000"},
      {[](auto& c) { c.rounds.miss_after = Nanos{0}; },
       "rounds.miss_after = 0s: has to be 10ms to 1h"},
      {[](auto& c) { c.rounds.suspect_after = Nanos{1}; },
       "rounds.suspect_after = 1ns: has to be 10ms to 1h"},
      {[](auto& c) { c.rounds.peer_timeout = std::chrono::hours(2); },
       "rounds.peer_timeout = 7200s: has to be 10ms to 1h"},
      {[](auto& c) { c.rounds.peer_timeout = c.rounds.suspect_after; },
       "rounds.suspect_after = 3s: has to be below rounds.peer_timeout = 3s"},
      {[](auto& c) { c.compute.memory_rate = BytesPerSecond{0}; },
       "compute.memory_rate = 0bit: has to be 1MB/s or more; write inf for no cost"},
      {[](auto& c) { c.eval.every = -1; }, "eval.every = -1: has to be 0 to 10000000"},
  };
  for (const Row& row : rows) {
    RunConfig config = valid();
    row.change(config);
    CHECK_THROWS_WITH(validate(config), row.line);
  }
}

TEST_CASE("sizes stand for their numbers and single numbers win over them", "[config]") {
  RunConfig config;
  config.model.size = std::string("s");  // GCC 12 warns wrongly about the plain one
  config.model.layers = 3;
  const ModelSettings model = filled_in(config).model;
  CHECK(model.layers == 3);
  CHECK(model.width == 256);
  CHECK(model.heads == 8);
  CHECK(model.head_size == 32);
  CHECK(model.context == 256);
  CHECK(model.init_std == Approx(0.0425));
  CHECK(filled_in(filled_in(config)) == filled_in(config));
}

TEST_CASE("an odd number of heads is fine once the head size is given", "[config]") {
  RunConfig config = valid();
  config.model.heads = 3;
  config.model.head_size = 32;
  CHECK_NOTHROW(validate(config));
}

TEST_CASE("what is left empty follows another key", "[config]") {
  RunConfig config;
  config.collective.codec = "int8";
  config.inner.lr = 0.5;
  CHECK(filled_in(config).collective.result == "int8");
  CHECK(filled_in(config).pretrain.lr == 0.5);
  config.collective.result = "fp32";
  CHECK(filled_in(config).collective.result == "fp32");
}

TEST_CASE("derived numbers follow from the settings", "[config]") {
  RunConfig config;
  CHECK(total_inner_steps(config) == 400 + 60 * 20);
  CHECK(warmup_steps(config) == 160);
  CHECK(tokens_per_step(config) == 4 * 2 * 64);
  config.task.name = "quadratic";
  CHECK(tokens_per_step(config) == 0);
}

TEST_CASE("every key that changes results changes the settings hash, and no other does",
          "[config]") {
  // Another value for each type of key.
  const auto other = [](const Key& key) -> std::string {
    if (key.name == "task.name") return "quadratic";
    if (!key.rule.choices.empty()) {
      const auto& choices = key.rule.choices;
      return choices.back() == key.rule.example ? choices.front() : choices.back();
    }
    for (const std::string value : {"3", "0.5", "0.5B", "true", "false", "3ms", "3mbit", "x"}) {
      try {
        RunConfig config;
        key.parse(config, value);
        if (config != RunConfig{}) return value;
      } catch (const BadQuantity&) {
      }
    }
    return {};
  };
  const auto base = settings_hash(RunConfig{});
  for (const Key& key : keys()) {
    CAPTURE(key.name);
    if (key.name == "run.device") continue;  // there is only one
    RunConfig config;
    key.parse(config, other(key));
    REQUIRE(config != RunConfig{});
    CHECK((settings_hash(config) != base) == (key.affects == Affects::kResults));
  }
}

TEST_CASE("a size and its numbers spelled out hash alike", "[config]") {
  RunConfig size, numbers;
  size.model.size = "xs";
  numbers.model = filled_in(size).model;
  numbers.model.size = "xxs";
  CHECK(settings_hash(size) == settings_hash(numbers));
  CHECK(settings_hash(size) != settings_hash(RunConfig{}));
}

TEST_CASE("the hello names the first setting that differs, in its own group", "[config]") {
  RunConfig other;
  other.run.inner_steps = 50;
  const HelloSettings here = hello_settings(RunConfig{}), there = hello_settings(other);
  CHECK(here.model == there.model);
  CHECK(here.codec == there.codec);
  CHECK(here.data == there.data);
  CHECK(first_difference(here.strategy, there.strategy) ==
        "run.inner_steps is 20 here and 50 there");
  CHECK(first_difference(here.model, there.model).empty());
  CHECK(first_difference("a=1\n", "a=1\nb=2\n") == "settings are none here and b=2 there");
}

TEST_CASE("islands may differ in what is their own affair", "[config]") {
  RunConfig other;
  other.run.out = "elsewhere";
  other.run.parallel = false;
  other.run.threads_per_island = 2;
  CHECK(hello_settings(other) == hello_settings(RunConfig{}));
}

}  // namespace
}  // namespace strait
