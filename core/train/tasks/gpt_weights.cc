#include "core/train/tasks/gpt_weights.h"

#include <ATen/ops/from_blob.h>

#include "core/base/check.h"

namespace strait {

std::vector<at::Tensor> views_into(const at::Tensor& flat, const ParameterLayout& layout) {
  std::vector<at::Tensor> views;
  for (const Parameter& parameter : layout.parameters()) {
    views.push_back(flat.narrow(0, parameter.offset, parameter.size).view(parameter.shape));
  }
  return views;
}

GptWeights name_weights(const std::vector<at::Tensor>& views, const GptOptions& options) {
  std::size_t next = 0;
  const auto take = [&]() -> const at::Tensor& { return views.at(next++); };
  const auto norm = [&] { return GptWeights::Norm{take(), take()}; };
  const auto linear = [&] { return GptWeights::Linear{take(), take()}; };
  GptWeights weights;
  weights.wte = take();
  weights.wpe = take();
  for (std::int64_t i = 0; i < options.layers; ++i) {
    // Braces fix the order of evaluation: the layout's.
    weights.blocks.push_back({norm(), linear(), linear(), norm(), linear(), linear()});
  }
  weights.ln_f = norm();
  STRAIT_CHECK(next == views.size(), "{} of {} parameters named", next, views.size());
  return weights;
}

GptWeights gpt_weights(std::span<float> flat, const GptOptions& options) {
  const ParameterLayout layout = gpt_layout(options);
  STRAIT_CHECK(std::ssize(flat) == layout.size(), "{} floats for a layout of {}", flat.size(),
               layout.size());
  const auto tensor = at::from_blob(flat.data(), {layout.size()}, at::kFloat);
  return name_weights(views_into(tensor, layout), options);
}

}  // namespace strait
