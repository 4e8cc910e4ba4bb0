// model.size in a scenario and gpt_size() in code are the same table, and what is in it.
#include <cstdlib>

#include "core/config/run_config.h"
#include "core/train/gpt.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("a size means the same model in a scenario and in code", "[gpt]") {
  for (const GptSize& size : kGptSizes) {
    CAPTURE(size.name);
    RunConfig config;
    config.model.size = size.name;
    const ModelSettings model = filled_in(config).model;
    const GptOptions options = gpt_size(size.name);
    CHECK(model.layers == options.layers);
    CHECK(model.width == options.width);
    CHECK(model.heads == options.heads);
    CHECK(model.head_size == options.head_size);
    CHECK(model.context == options.context);
    CHECK(model.vocabulary == options.vocabulary);
    CHECK(model.init_std == options.initial_spread());
  }
}

// With tied embeddings and an MLP of 4 x width the labels of the paper come out.
TEST_CASE("sizes of papers have their parameters with their vocabulary", "[gpt]") {
  const std::pair<const char*, std::int64_t> expected[] = {
      {"60m", 59'000'000}, {"150m", 150'000'000}, {"400m", 390'000'000}};
  for (const GptSize& size : kGptSizes) {
    GptOptions options = size.options;
    options.vocabulary = size.vocabulary;
    const std::int64_t count = gpt_layout(options).count();
    for (const auto& [name, about] : expected) {
      INFO(name << " has " << count);
      if (size.name == name) CHECK(std::abs(count - about) < about / 50);
    }
    // As Hugging Face counts them.
    if (size.name == "gpt2") CHECK(count == 124'439'808);
    if (size.name == "gpt2-medium") CHECK(count == 354'823'168);
  }
}

}  // namespace
}  // namespace strait
