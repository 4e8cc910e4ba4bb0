// The sampler against the training passes: the same loss, token by token.
#include "core/train/gpt_sampler.h"

#include <cmath>

#include "core/train/flat_buffer.h"
#include "core/train/tasks/gpt_passes.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

constexpr GptOptions kTiny{.layers = 2, .width = 16, .heads = 2, .head_size = 4, .context = 12};

double loss_of(std::span<const float> logits, std::int64_t target) {
  double most = logits[0], sum = 0;
  for (const float logit : logits) most = std::max<double>(most, logit);
  for (const float logit : logits) sum += std::exp(logit - most);
  return most + std::log(sum) - logits[static_cast<std::size_t>(target)];
}

TEST_CASE("the sampler has the training passes' logits", "[gpt]") {
  const ParameterLayout layout = gpt_layout(kTiny);
  FlatBuffer parameters(static_cast<std::size_t>(layout.size())), gradients(parameters.size());
  initialize_gpt(parameters, layout, kTiny, 5);
  const auto passes = make_gpt_on_cpu(kTiny, parameters, gradients);
  Rng rng(3, "sampler test");
  std::vector<std::int64_t> window;
  for (std::int64_t t = 0; t <= kTiny.context; ++t) {
    window.push_back(static_cast<std::int64_t>(rng.below(256)));
  }
  GptSampler sampler(kTiny, parameters);
  double loss = 0;
  for (std::int64_t t = 0; t < kTiny.context; ++t) {
    const auto logits = sampler.feed(window[static_cast<std::size_t>(t)]);
    loss += loss_of(logits, window[static_cast<std::size_t>(t + 1)]);
  }
  CHECK(loss / static_cast<double>(kTiny.context) ==
        Approx(passes->mean_loss(parameters, window)).margin(1e-5));
}

TEST_CASE("a full context forgets its older half", "[gpt]") {
  const ParameterLayout layout = gpt_layout(kTiny);
  FlatBuffer parameters(static_cast<std::size_t>(layout.size()));
  initialize_gpt(parameters, layout, kTiny, 5);
  GptSampler longer(kTiny, parameters), shorter(kTiny, parameters);
  for (std::int64_t t = 0; t < 12; ++t) longer.feed(t);
  for (std::int64_t t = 6; t < 12; ++t) shorter.feed(t);
  const auto a = longer.feed(12), b = shorter.feed(12);
  CHECK(longer.tokens() == 7);
  CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST_CASE("tokens are drawn by their probability", "[gpt]") {
  const std::vector<float> logits{0, std::log(3.0f), -100};
  Rng rng(1, "draw");
  CHECK(draw_token(logits, 0, rng) == 1);
  int ones = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto token = draw_token(logits, 1, rng);
    REQUIRE(token < 2);
    ones += token == 1;
  }
  CHECK(ones > 7300);
  CHECK(ones < 7700);
}

}  // namespace
}  // namespace strait
