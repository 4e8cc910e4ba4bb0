// A GPT's parameters by name. Views are at::Tensor (gpt_autograd.cc) or Matrix (gpt_on_cpu.cc).
#pragma once

#include <span>
#include <vector>

#include "core/base/check.h"
#include "core/train/gpt.h"

namespace strait {

template <class View>
struct GptWeights {
  struct Linear {
    View weight;  // [in, out]
    View bias;    // [out]
  };
  struct Norm {
    View weight;
    View bias;
  };
  struct Block {
    Norm ln_1;
    Linear attn_c_attn;  // columns q, k, v
    Linear attn_c_proj;
    Norm ln_2;
    Linear mlp_c_fc;
    Linear mlp_c_proj;
  };

  /// `views` in the order of gpt_layout().
  GptWeights(std::span<const View> views, const GptOptions& options) {
    std::size_t next = 0;
    const auto take = [&]() -> const View& {
      STRAIT_CHECK(next < views.size(), "only {} parameters", views.size());
      return views[next++];
    };
    // Braces fix the order of evaluation: the layout's.
    const auto norm = [&] { return Norm{take(), take()}; };
    const auto linear = [&] { return Linear{take(), take()}; };
    wte = take();
    wpe = take();
    for (std::int64_t i = 0; i < options.layers; ++i) {
      blocks.push_back({norm(), linear(), linear(), norm(), linear(), linear()});
    }
    ln_f = norm();
    STRAIT_CHECK(next == views.size(), "{} of {} parameters named", next, views.size());
  }

  View wte;  // [vocabulary, width]
  View wpe;  // [context, width]
  std::vector<Block> blocks;
  Norm ln_f;
};

}  // namespace strait
