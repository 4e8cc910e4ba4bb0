// model.size in a scenario and gpt_size() in code are the same table.
#include "core/config/run_config.h"
#include "core/train/gpt.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("a size means the same model in a scenario and in code", "[gpt]") {
  for (const char* size : {"xxs", "xs", "s", "m"}) {
    CAPTURE(size);
    RunConfig config;
    config.model.size = size;
    const ModelSettings model = filled_in(config).model;
    const GptOptions options = gpt_size(size);
    CHECK(model.layers == options.layers);
    CHECK(model.width == options.width);
    CHECK(model.heads == options.heads);
    CHECK(model.head_size == options.head_size);
    CHECK(model.context == options.context);
    CHECK(model.vocabulary == options.vocabulary);
    CHECK(model.init_std == options.initial_spread());
  }
}

}  // namespace
}  // namespace strait
