#include "apps/text/text_data.h"

#include "core/base/check.h"

namespace strait {
namespace {

Split split_of(const std::string& name) {
  if (name == "by_source") return Split::kBySource;
  if (name == "by_size") return Split::kBySize;
  STRAIT_CHECK(name == "mixed", "data.split = {}", name);
  return Split::kMixed;
}

}  // namespace

TextOptions text_options(const RunConfig& config, const std::string& deps) {
  return {.text = config.data.text,
          .languages = config.data.languages,
          .manual_pages = deps + "/manpages",
          .vocabulary = config.model.vocabulary};
}

BatchOptions batch_options(const RunConfig& config) {
  const DataSettings& data = config.data;
  return {.split = split_of(data.split),
          .mixing = data.mixing,
          .sizes = data.sizes,
          .islands = config.run.islands,
          .sequences = static_cast<std::int32_t>(data.sequences),
          .context = static_cast<std::int32_t>(config.model.context),
          .seed = config.run.seed};
}

}  // namespace strait
