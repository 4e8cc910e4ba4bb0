#include "core/config/run_config.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/config/keys.h"
#include "core/train/gpt_sizes.h"

namespace strait {
namespace {

template <class T>
void fill(T& value, const T& from) {
  if (value == T{}) value = from;
}

void fill_model(ModelSettings& model) {
  const auto size = std::find_if(kGptSizes.begin(), kGptSizes.end(),
                                 [&](const GptSize& row) { return row.name == model.size; });
  if (size != kGptSizes.end()) {
    const GptOptions& named = size->options;
    // Who changes the width or the heads has another model, whose heads share the width.
    const bool as_named = (model.width == 0 || model.width == named.width) &&
                          (model.heads == 0 || model.heads == named.heads);
    fill(model.layers, named.layers);
    fill(model.width, named.width);
    fill(model.heads, named.heads);
    fill(model.context, named.context);
    if (as_named) fill(model.head_size, named.head_size);
  }
  const bool divisible = model.width > 0 && model.heads > 0 && model.width % model.heads == 0;
  if (divisible) fill(model.head_size, model.width / model.heads);
  fill(model.vocabulary, std::int64_t{256});  // bytes; load_config asks the data before
  if (model.width > 0) fill(model.init_std, 0.68 / std::sqrt(static_cast<double>(model.width)));
}

/// Name and value of every key that `wanted` says yes to, a line each. Of filled-in settings.
template <class Wanted>
std::string lines_of(const RunConfig& config, Wanted wanted) {
  std::string lines;
  for (const Key& key : keys()) {
    // What model.size stands for is spelled out by the other keys.
    if (key.name == "model.size" || !wanted(key)) continue;
    // What is empty (model.start) is not there: it changes no hash and no message.
    const std::string value = key.print(config);
    if (!value.empty()) lines += fmt::format("{}={}\n", key.name, value);
  }
  return lines;
}

}  // namespace

RunConfig filled_in(RunConfig config) {
  fill_model(config.model);
  fill(config.collective.result, config.collective.codec);
  fill(config.pretrain.lr, config.inner.lr);
  if (config.network.kind == "tcp") config.run.time = "real";
  return config;
}

std::int64_t total_inner_steps(const RunConfig& config) {
  return config.pretrain.steps + config.run.rounds * config.run.inner_steps;
}

std::int64_t warmup_steps(const RunConfig& config) {
  return std::llround(config.inner.warmup * static_cast<double>(total_inner_steps(config)));
}

std::int64_t tokens_per_step(const RunConfig& config) {
  if (config.task.name != "language") return 0;
  return config.run.islands * config.inner.accumulate * config.data.sequences *
         filled_in(config).model.context;
}

std::uint64_t settings_hash(const RunConfig& config) {
  const std::string lines =
      lines_of(filled_in(config), [](const Key& key) { return key.affects == Affects::kResults; });
  return XXH3_64bits(lines.data(), lines.size());
}

HelloSettings hello_settings(const RunConfig& config) {
  const RunConfig filled = filled_in(config);
  const auto group = [&](Agreement agreement) {
    return lines_of(filled, [&](const Key& key) { return key.agreement == agreement; });
  };
  return {.model = group(Agreement::kModel),
          .strategy = group(Agreement::kStrategy),
          .codec = group(Agreement::kCodec),
          .data = group(Agreement::kData)};
}

std::string first_difference(const std::string& here, const std::string& there) {
  const auto ours = split(here, '\n'), theirs = split(there, '\n');
  for (std::size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i) {
    const std::string a = i < ours.size() ? ours[i] : "", b = i < theirs.size() ? theirs[i] : "";
    if (a == b) continue;
    const std::string name = a.substr(0, a.find('=')), other = b.substr(0, b.find('='));
    // Keys come from one table, so other keys mean another version of the program.
    if (name != other) {
      return fmt::format("settings are {} here and {} there", a.empty() ? "none" : a,
                         b.empty() ? "none" : b);
    }
    return fmt::format("{} is {} here and {} there", name, a.substr(name.size() + 1),
                       b.substr(other.size() + 1));
  }
  return {};
}

}  // namespace strait
