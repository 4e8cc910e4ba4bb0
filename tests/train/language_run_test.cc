// Whole runs of the program on a tiny GPT and text that the test writes: the identities that hold
// for the quadratic, as far as they do for a model whose operations round.
#include "core/base/files.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

/// Two sources of a few kilobytes: words from two small lists in seeded order.
class SomeText {
 public:
  SomeText() {
    write("a", {"island", "inner", "step", "outer", "gradient", "round", "the", "of"});
    write("b", {"insel", "innen", "schritt", "aussen", "gradient", "runde", "die", "von"});
  }
  const std::string& folder() const { return folder_.path(); }

 private:
  void write(const std::string& source, const std::vector<std::string>& words) {
    Rng rng(5, source);
    std::string text;
    while (text.size() < 20'000) text += words[rng.below(words.size())] + ' ';
    std::filesystem::create_directory(folder_ / source);
    write_file_atomically(folder_ / source + "/words.txt", text);
  }

  TemporaryFolder folder_;
};

RunConfig tiny_gpt(const SomeText& text) {
  RunConfig config = small_quadratic();
  config.task.name = "language";
  config.data.text = text.folder();
  config.data.sequences = 2;
  config.data.held_out_windows = 8;
  config.model.layers = 1;
  config.model.width = 16;
  config.model.heads = 2;
  config.model.context = 16;
  config.run.rounds = 3;
  config.run.inner_steps = 4;
  config.inner = {.optimizer = "adamw", .lr = 5e-3};
  config.pretrain.steps = 6;
  config.eval.every = 1;
  return config;
}

double final_loss(const ArmResult& result) { return result.rows.back().held_out.at(0).value; }

// From the state after pretraining one round is one subtraction and one addition away from plain
// training. Over a whole run roundings grow as they do between two orders of adding: then only the
// loss has to agree.
TEST_CASE("diloco of one island is plain training on a GPT", "[language][identity]") {
  const SomeText text;
  RunConfig config = tiny_gpt(text);
  config.run.islands = 1;
  config.outer = {.optimizer = "sgd", .lr = 1, .momentum = 0};
  for (const std::int64_t recorded_at : {2, 6, 11}) {
    config.pretrain.steps = recorded_at;
    config.run.rounds = 1;
    const Trial trial(config);
    const Checkpoint checkpoint = trial.pretrained().checkpoint;
    const ArmResult diloco = trial.arm("diloco", 1, &checkpoint);
    const ArmResult plain = trial.arm("local", 1, &checkpoint);
    INFO("from step " << recorded_at);
    CHECK(largest_difference(diloco.shared, plain.shared) <= 1e-6);
    CHECK(largest_difference(plain.shared, checkpoint.parameters) > 1e-3);
  }
  config.pretrain.steps = 6;
  config.run.rounds = 12;
  const Trial trial(config);
  const Checkpoint checkpoint = trial.pretrained().checkpoint;
  const ArmResult diloco = trial.arm("diloco", 1, &checkpoint);
  const ArmResult plain = trial.arm("local", 1, &checkpoint);
  CHECK(final_loss(diloco) == Approx(final_loss(plain)).epsilon(0.005));
  CHECK(final_loss(plain) < 0.9 * plain.rows.front().held_out.at(0).value);  // it learned
}

TEST_CASE("H = 1 with sgd is data-parallel sgd on a GPT", "[language][identity]") {
  const SomeText text;
  RunConfig config = tiny_gpt(text);
  config.run.rounds = 6;
  config.run.inner_steps = 1;
  config.pretrain.steps = 0;
  config.inner = {.optimizer = "sgd", .lr = 0.1, .weight_decay = 0, .clip_norm = 0};
  config.outer = {.optimizer = "sgd", .lr = 1, .momentum = 0};
  const Trial trial(config);
  const ArmResult diloco = trial.arm("diloco");
  const ArmResult parallel = trial.arm("data_parallel");
  CHECK(relative_difference(diloco.shared, parallel.shared) <= 1e-5);
  CHECK(relative_difference(parallel.shared, initial_values(trial)) > 1e-3);
  CHECK(relative_difference(trial.arm("local", 1).shared, parallel.shared) > 1e-4);
}

TEST_CASE("a GPT run has the same bits over pipe and links, in parallel and one by one",
          "[language][determinism]") {
  const SomeText text;
  for (const std::string strategy : {"diloco", "data_parallel"}) {
    RunConfig config = tiny_gpt(text);
    const auto once = [&] {
      const Trial trial(config);
      const Checkpoint checkpoint = trial.pretrained().checkpoint;
      return trial.arm(strategy, 4, &checkpoint);
    };
    const ArmResult pipe = once();
    config.run.parallel = false;
    const ArmResult one_by_one = once();
    config.network.kind = "emulated";
    config.run.parallel = true;
    const ArmResult emulated = once();
    INFO(strategy);
    CHECK(hex(one_by_one.costs.trace_hash) == hex(pipe.costs.trace_hash));
    CHECK(emulated.costs.time > pipe.costs.time);
    for (const ArmResult* other : {&one_by_one, &emulated}) {
      CHECK(same_bits(other->shared, pipe.shared));
      REQUIRE(other->rows.size() == pipe.rows.size());
      for (std::size_t i = 0; i < pipe.rows.size(); ++i) {
        CHECK(other->rows[i].loss == pipe.rows[i].loss);
        CHECK(other->rows[i].held_out.at(0).value == pipe.rows[i].held_out.at(0).value);
      }
    }
  }
}

// Each island evaluates its share of the sources; together they are all of them.
TEST_CASE("held-out loss does not depend on how many islands share it", "[language][rows]") {
  const SomeText text;
  RunConfig config = tiny_gpt(text);
  const Trial trial(config);
  const Checkpoint checkpoint = trial.pretrained().checkpoint;
  const ArmResult four = trial.arm("diloco", 4, &checkpoint);
  const ArmResult one = trial.arm("local", 1, &checkpoint);
  REQUIRE(four.rows[0].held_out.size() == 3);  // the mean and two sources
  REQUIRE(one.rows[0].held_out.size() == 3);
  for (std::size_t m = 0; m < 3; ++m) {
    CHECK(four.rows[0].held_out[m].name == one.rows[0].held_out[m].name);
    CHECK(four.rows[0].held_out[m].value == one.rows[0].held_out[m].value);
  }
  const auto& held_out = four.rows[0].held_out;
  CHECK(held_out[0].value == Approx((held_out[1].value + held_out[2].value) / 2));
  // Tokens: islands x steps x sequences x context.
  CHECK(four.rows.back().tokens == 4 * 12 * 2 * 16);
}

// Also the promise of a checkpoint: what branches off has AdamW's m, v and step number.
TEST_CASE("a GPT goes on after the branch point as if there were none", "[language][pretraining]") {
  const SomeText text;
  RunConfig config = tiny_gpt(text);
  config.run.islands = 1;
  config.pretrain.steps = 4;
  const Trial branched(config);
  const Checkpoint checkpoint = branched.pretrained().checkpoint;
  CHECK(checkpoint.inner_names == std::vector<std::string>{"m", "v"});
  const ArmResult rest = branched.arm("local", 1, &checkpoint);
  config.pretrain.steps = 0;
  config.run.rounds = 4;
  const ArmResult whole = Trial(config).arm("local", 1);
  CHECK(same_bits(rest.shared, whole.shared));
}

}  // namespace
}  // namespace strait
