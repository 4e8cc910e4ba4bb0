#include "core/train/tasks/language.h"

#include <cmath>
#include <functional>
#include <optional>
#include <thread>

#include "core/base/errors.h"
#include "core/train/optimizer.h"
#include "core/train/tasks/threads.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

// Tokens by formula, so that another program can make the same batches.
std::int64_t token(std::int64_t sequence, std::int64_t t, std::int64_t step) {
  return (31 * sequence + 7 * t * t + 13 * step + t) % 256;
}

struct FormulaBatches final : TokenBatches {
  explicit FormulaBatches(std::int64_t length) : context(length) {}

  void fill(BatchKey key, std::span<std::int64_t> inputs,
            std::span<std::int64_t> targets) override {
    for (std::int64_t i = 0; i < std::ssize(inputs); ++i) {
      const auto at = static_cast<std::size_t>(i);
      inputs[at] = token(i / context + key.island, i % context, key.step);
      targets[at] = token(i / context + key.island, i % context + 1, key.step);
    }
  }

  std::int64_t context;
};

// The windows that hold the same tokens as a batch of `sequences`.
HeldOut held_out(std::string source, std::int64_t context, std::int64_t sequences,
                 std::int64_t step) {
  HeldOut held{.source = std::move(source), .windows = {}};
  for (std::int64_t i = 0; i < sequences; ++i) {
    for (std::int64_t t = 0; t <= context; ++t) held.windows.push_back(token(i, t, step));
  }
  return held;
}

constexpr GptOptions kEven{.layers = 2, .width = 16, .heads = 2, .head_size = 8, .context = 12};
constexpr GptOptions kOdd{.layers = 3, .width = 24, .heads = 3, .head_size = 5, .context = 10};

LanguageOptions tiny(const GptOptions& gpt) { return {.gpt = gpt, .sequences = 3}; }

// Parameters by formula: 0.1 sin(1.7 k + 0.3) over the trained elements, plus 1 where a LayerNorm
// scales.
void fill_by_formula(Task& task) {
  std::int64_t k = 0;
  for (const Parameter& parameter : task.layout().parameters()) {
    const bool scale =
        parameter.name.find("ln_") != std::string::npos && parameter.name.ends_with(".weight");
    for (std::int64_t i = 0; i < parameter.size; ++i, ++k) {
      task.parameters()[static_cast<std::size_t>(parameter.offset + i)] =
          static_cast<float>(0.1 * std::sin(1.7 * static_cast<double>(k) + 0.3) + (scale ? 1 : 0));
    }
  }
}

double loss_and_gradient(Task& task, BatchKey key) {
  task.clear_gradients();
  task.accumulate_gradient(key, 1.0f);
  return task.take_losses().at(0);
}

struct GoldenStep {
  double loss;
  double norm;  // of the whole gradient
};

// Steps of plain gradient descent with learning rate 0.1, computed in double precision by another
// implementation of the same model (PyTorch in Python with the attention written out); for kEven
// its first loss equals that of Hugging Face's GPT2LMHeadModel to 14 digits.
constexpr GoldenStep kEvenGolden[] = {{5.74738598, 13.090039},   {5.68853934, 0.735582593},
                                      {5.99211371, 0.813619986}, {5.86705011, 0.920230381},
                                      {5.53860151, 0.659218712}, {5.78900211, 0.828593724},
                                      {5.99898487, 1.05869356},  {5.6299861, 1.00692512},
                                      {5.57180562, 1.17933575},  {5.84703132, 1.18174633}};
constexpr GoldenStep kOddGolden[] = {{6.09077663, 7.8618298},   {5.80113626, 1.96995673},
                                     {5.91317792, 3.9216216},   {5.71106446, 1.76969556},
                                     {5.61614709, 2.07415333},  {5.71647095, 1.95983502},
                                     {5.58353647, 0.889015071}, {5.56033133, 0.976526611},
                                     {5.55829256, 1.08931511},  {5.55649544, 1.0179339}};

void check_golden(const GptOptions& gpt, std::span<const GoldenStep> golden) {
  FormulaBatches batches(gpt.context);
  const auto task = make_language_task(tiny(gpt), batches, {});
  fill_by_formula(*task);
  for (std::int64_t step = 0; step < std::ssize(golden); ++step) {
    const GoldenStep& expected = golden[static_cast<std::size_t>(step)];
    INFO("step " << step);
    CHECK(loss_and_gradient(*task, {.island = 0, .step = step}) ==
          Approx(expected.loss).epsilon(2e-6));
    CHECK(l2_norm(task->gradients()) == Approx(expected.norm).epsilon(2e-5));
    const auto parameters = task->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i] -= 0.1f * task->gradients()[i];
    }
  }
}

TEST_CASE("losses and gradients equal another implementation's over ten steps", "[language]") {
  check_golden(kEven, kEvenGolden);
}

TEST_CASE("a head size that does not divide the width trains as elsewhere", "[language]") {
  check_golden(kOdd, kOddGolden);
}

// Along its own gradient, a parameter's loss has the slope |gradient|: one central difference per
// parameter.
TEST_CASE("every parameter's gradient agrees with finite differences", "[language]") {
  FormulaBatches batches(kOdd.context);
  const auto task = make_language_task(tiny(kOdd), batches, {});
  fill_by_formula(*task);
  loss_and_gradient(*task, {});
  const std::vector<float> gradient(task->gradients().begin(), task->gradients().end());
  const std::vector<float> start(task->parameters().begin(), task->parameters().end());
  for (const Parameter& parameter : task->layout().parameters()) {
    const auto begin = static_cast<std::size_t>(parameter.offset);
    const auto size = static_cast<std::size_t>(parameter.size);
    const double norm = l2_norm(std::span(gradient).subspan(begin, size));
    const auto loss_at = [&](double distance) {
      std::copy(start.begin(), start.end(), task->parameters().begin());
      for (std::size_t i = begin; i < begin + size; ++i) {
        task->parameters()[i] += static_cast<float>(distance / norm * gradient[i]);
      }
      return loss_and_gradient(*task, {});
    };
    const double step = 2e-3;
    INFO(parameter.name << ": |gradient| " << norm);
    // fp32 losses of 6 are known to some 1e-6, so slopes to 5e-4.
    CHECK((loss_at(step) - loss_at(-step)) / (2 * step) == Approx(norm).epsilon(0.02).margin(1e-3));
  }
}

TEST_CASE("gradients add up in place, scaled, and leave the padding zero", "[language]") {
  FormulaBatches batches(kOdd.context);
  const auto task = make_language_task(tiny(kOdd), batches, {});
  task->initialize();
  const auto* where = task->gradients().data();
  loss_and_gradient(*task, {.island = 0, .step = 1});
  const std::vector<float> whole(task->gradients().begin(), task->gradients().end());
  task->clear_gradients();
  CHECK(l2_norm(task->gradients()) == 0);
  task->accumulate_gradient({.island = 0, .step = 1}, 0.25f);
  const StepWork work = task->accumulate_gradient({.island = 0, .step = 1}, 0.75f);
  CHECK(work.examples == 3);
  CHECK(work.tokens == 30);
  CHECK(work.flops ==
        30 * (6.0 * static_cast<double>(task->layout().count()) + 12.0 * 3 * 15 * 10));
  CHECK(task->take_losses().size() == 2);
  CHECK(task->take_losses().empty());
  CHECK(task->gradients().data() == where);
  double difference = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    difference = std::max<double>(difference, std::abs(whole[i] - task->gradients()[i]));
  }
  CHECK(difference < 1e-6);
  for (const Parameter& parameter : task->layout().parameters()) {
    for (auto i = parameter.offset + parameter.size; i % 16 != 0; ++i) {
      REQUIRE(task->gradients()[static_cast<std::size_t>(i)] == 0);
    }
  }
}

std::vector<float> trained(TokenBatches& batches, std::int32_t island) {
  set_intra_op_threads(1);
  const auto task = make_language_task(
      {.gpt = {.layers = 2, .width = 64, .heads = 2, .head_size = 32, .context = 32},
       .sequences = 4},
      batches, {});
  task->initialize();
  const auto optimizer = make_inner_optimizer({}, task->layout());
  for (std::int64_t step = 0; step < 8; ++step) {
    task->clear_gradients();
    task->accumulate_gradient({.island = island, .step = step}, 1.0f);
    optimizer->step(task->parameters(), task->gradients(), 2e-3);
  }
  return {task->parameters().begin(), task->parameters().end()};
}

TEST_CASE("islands in threads have the same bits as one after the other", "[language]") {
  constexpr std::int32_t kIslands = 3;
  FormulaBatches batches(32);
  std::vector<std::vector<float>> alone, together(kIslands);
  for (std::int32_t i = 0; i < kIslands; ++i) alone.push_back(trained(batches, i));
  {
    std::vector<std::jthread> islands;
    for (std::int32_t i = 0; i < kIslands; ++i) {
      islands.emplace_back([&, i] { together[static_cast<std::size_t>(i)] = trained(batches, i); });
    }
  }
  for (std::size_t i = 0; i < kIslands; ++i) CHECK(same_bits(alone[i], together[i]));
  CHECK_FALSE(same_bits(alone[0], alone[1]));
}

TEST_CASE("intra-op threads are set for the calling thread only", "[language]") {
  int one = 0, two = 0;
  std::jthread([&] {
    set_intra_op_threads(2);
    std::jthread([&] {
      set_intra_op_threads(1);
      one = intra_op_threads();
    }).join();
    two = intra_op_threads();
  }).join();
  CHECK(one == 1);
  CHECK(two == 2);
}

TEST_CASE("a step makes the loss on its batch smaller", "[language]") {
  FormulaBatches batches(kEven.context);
  const auto task = make_language_task(tiny(kEven), batches, {});
  task->initialize();
  const auto optimizer = make_inner_optimizer({}, task->layout());
  const double first = loss_and_gradient(*task, {});
  for (int step = 0; step < 30; ++step) {
    optimizer->step(task->parameters(), task->gradients(), 3e-3);
    loss_and_gradient(*task, {});
  }
  CHECK(first == Approx(std::log(256.0)).epsilon(0.1));
  CHECK(loss_and_gradient(*task, {}) < 0.5 * first);
}

TEST_CASE("an evaluation is the loss of the given parameters and changes nothing", "[language]") {
  FormulaBatches batches(kOdd.context);
  const HeldOut sources[] = {held_out("en", 10, 3, 0), held_out("de", 10, 7, 5),
                             held_out("fr", 10, 3, 1)};
  const auto task = make_language_task(tiny(kOdd), batches, sources);
  task->initialize();
  const double loss_en = loss_and_gradient(*task, {.island = 0, .step = 0});
  const double loss_fr = loss_and_gradient(*task, {.island = 0, .step = 1});
  const std::vector<float> evaluated(task->parameters().begin(), task->parameters().end());
  fill_by_formula(*task);
  const std::vector<float> own(task->parameters().begin(), task->parameters().end());
  const std::vector<float> gradients(task->gradients().begin(), task->gradients().end());

  const std::vector<std::vector<Metric>> shares{task->evaluate(evaluated, 0, 2),
                                                task->evaluate(evaluated, 1, 2)};
  REQUIRE(shares[0].size() == 2);
  REQUIRE(shares[1].size() == 1);
  CHECK(shares[0][0].name == "loss.en");
  CHECK(shares[0][0].value == Approx(loss_en).epsilon(1e-6));
  CHECK(shares[1][0].name == "loss.de");
  CHECK(shares[0][1].name == "loss.fr");
  CHECK(shares[0][1].value == Approx(loss_fr).epsilon(1e-6));
  CHECK(task->evaluate(evaluated, 3, 4).empty());
  CHECK(combine(shares).front().value ==
        Approx((loss_en + loss_fr + shares[1][0].value) / 3).epsilon(1e-6));

  CHECK(same_bits(own, task->parameters()));
  CHECK(same_bits(gradients, task->gradients()));
  CHECK(task->take_losses().size() == 0);
  CHECK(loss_and_gradient(*task, {}) != Approx(loss_en));  // still trains its own
  CHECK(task->evaluate(task->parameters(), 0, 1)[0].value != Approx(loss_en));
}

std::string refusal_of(const LanguageOptions& options) {
  FormulaBatches batches(options.gpt.context);
  try {
    make_language_task(options, batches, {});
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a device that is not there is refused in one line", "[language]") {
  for (const char* device : {"", "gpu", "cud", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "cuda:63"}) {
    INFO(device);
    LanguageOptions options = tiny(kEven);
    options.device = device;
    const std::string message = refusal_of(options);
    INFO(message);
    CHECK(message.starts_with(std::string("run.device = ") + device + ": "));
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a batch of no sequences is refused by its key", "[language]") {
  LanguageOptions options = tiny(kEven);
  options.sequences = 0;
  CHECK(refusal_of(options).starts_with("data.sequences = 0"));
}

}  // namespace
}  // namespace strait
