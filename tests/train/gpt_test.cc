#include "core/train/gpt.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/base/errors.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::vector<float> initial_values(const GptOptions& options, std::uint64_t seed) {
  const ParameterLayout layout = gpt_layout(options);
  std::vector<float> values(static_cast<std::size_t>(layout.size()), 7.0f);
  initialize_gpt(values, layout, options, seed);
  return values;
}

std::span<const float> part(std::span<const float> flat, const Parameter& parameter) {
  return flat.subspan(static_cast<std::size_t>(parameter.offset),
                      static_cast<std::size_t>(parameter.size));
}

double spread_of(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST_CASE("the named sizes have the parameters they are known for", "[gpt]") {
  CHECK(gpt_layout(gpt_size("xxs")).count() == 437'760);
  CHECK(gpt_layout(gpt_size("xs")).count() == 842'496);
  CHECK(gpt_layout(gpt_size("s")).count() == 4'870'144);
  CHECK(gpt_layout(gpt_size("m")).count() == 86'039'040);
  CHECK(gpt_size("xxs").context == 64);
  const std::string message = message_of([] { gpt_size("xl"); });
  CHECK(message ==
        "model.size = xl: unknown; the sizes are xxs, xs, s, m, 60m, 150m, 400m, gpt2, "
        "gpt2-medium");
}

TEST_CASE("the layout has GPT-2's names, input-major projections and layers in order", "[gpt]") {
  const GptOptions options{.layers = 2, .width = 24, .heads = 3, .head_size = 5, .context = 7};
  const ParameterLayout layout = gpt_layout(options);
  CHECK(layout.parameters().size() == 2 + 2 * 12 + 2);
  CHECK(layout.at("wte.weight").shape == std::vector<std::int64_t>{256, 24});
  CHECK(layout.at("wpe.weight").shape == std::vector<std::int64_t>{7, 24});
  CHECK(layout.at("h.1.attn.c_attn.weight").shape == std::vector<std::int64_t>{24, 45});
  CHECK(layout.at("h.1.attn.c_proj.weight").shape == std::vector<std::int64_t>{15, 24});
  CHECK(layout.at("h.0.mlp.c_fc.weight").shape == std::vector<std::int64_t>{24, 96});
  CHECK(layout.at("h.0.mlp.c_proj.bias").shape == std::vector<std::int64_t>{24});
  CHECK(layout.at("h.1.ln_2.bias").layer == 2);
  CHECK(layout.at("ln_f.weight").layer == 3);
  for (const Parameter& parameter : layout.parameters()) {
    INFO(parameter.name);
    CHECK(parameter.offset % 16 == 0);
    CHECK(parameter.decayed == (parameter.shape.size() == 2));
  }
}

TEST_CASE("initial values have GPT-2's spreads, and nothing lies in the padding", "[gpt]") {
  const GptOptions options = gpt_size("xs");
  const ParameterLayout layout = gpt_layout(options);
  const auto values = initial_values(options, 1);
  const double spread = 0.68 / std::sqrt(128.0);
  for (const Parameter& parameter : layout.parameters()) {
    INFO(parameter.name);
    const auto own = part(values, parameter);
    const bool norm = parameter.name.find("ln_") != std::string::npos;
    if (parameter.shape.size() == 1) {
      const float expected = norm && parameter.name.ends_with("weight") ? 1.0f : 0.0f;
      CHECK(std::all_of(own.begin(), own.end(), [&](float v) { return v == expected; }));
    } else {
      const bool residual = parameter.name.ends_with("c_proj.weight");
      // At least 16,384 draws: 3 % are more than five standard errors.
      CHECK(spread_of(own) == Approx(residual ? spread / std::sqrt(8.0) : spread).epsilon(0.03));
    }
  }
  const GptOptions odd{.layers = 1, .width = 5, .heads = 1, .head_size = 3, .context = 3};
  const ParameterLayout odd_layout = gpt_layout(odd);
  const auto odd_values = initial_values(odd, 1);
  double trained = 0, all = 0;
  for (const float value : odd_values) all += std::abs(value);
  for (const Parameter& parameter : odd_layout.parameters()) {
    for (const float value : part(odd_values, parameter)) trained += std::abs(value);
  }
  CHECK(odd_layout.size() > odd_layout.count());
  CHECK(all == Approx(trained).epsilon(1e-12));
}

TEST_CASE("initial values depend on the seed and the name only", "[gpt]") {
  const GptOptions two{.layers = 2, .width = 16, .heads = 2, .head_size = 8, .context = 8};
  GptOptions longer = two;
  longer.context = 16;
  const auto values = initial_values(two, 1);
  CHECK(same_bits(values, initial_values(two, 1)));
  CHECK_FALSE(same_bits(values, initial_values(two, 2)));
  const auto more = initial_values(longer, 1);
  CHECK(same_bits(part(values, gpt_layout(two).at("h.1.mlp.c_fc.weight")),
                  part(more, gpt_layout(longer).at("h.1.mlp.c_fc.weight"))));
}

TEST_CASE("a model that cannot be built is refused by its key", "[gpt]") {
  CHECK(message_of([] { gpt_layout({.layers = 0}); }) == "model.layers = 0: must be at least 1");
  CHECK(message_of([] { gpt_layout({.head_size = -3}); }).starts_with("model.head_size = -3"));
  CHECK(message_of([] { gpt_layout({.init_std = -1}); }).starts_with("model.init_std = -1"));
}

}  // namespace
}  // namespace strait
