#include "core/train/tasks/gpt_model.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/check.h"
#include "core/train/tasks/gelu.h"

namespace strait {
namespace {

constexpr double kNormEpsilon = 1e-5;

at::Tensor normalized(const at::Tensor& x, const GptWeights::Norm& norm) {
  return at::layer_norm(x, norm.weight.sizes(), norm.weight, norm.bias, kNormEpsilon);
}

at::Tensor projected(const at::Tensor& x, const GptWeights::Linear& linear) {
  return at::addmm(linear.bias, x, linear.weight);
}

std::span<float> span_of(const at::Tensor& x) {
  return {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())};
}

// The tanh is computed once: the forward pass keeps the derivative (core/train/tasks/gelu.h).
struct Gelu : torch::autograd::Function<Gelu> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x) {
    auto value = at::empty_like(x);
    auto slope = at::empty_like(x);
    strait::gelu(span_of(x), span_of(value), span_of(slope));
    context->save_for_backward({slope});
    return value;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    return {gradients[0].mul(context->get_saved_variables()[0])};
  }
};

at::Tensor activated(const at::Tensor& x) {
  return x.is_cpu() ? Gelu::apply(x) : at::gelu(x, "tanh");
}

// qkv: [sequences * T, 3 * attention width] -> [sequences * T, attention width]
at::Tensor attention(const at::Tensor& qkv, std::int64_t sequences, const GptOptions& options) {
  // Splitting the columns lets the backward pass join q's, k's and v's gradients in one copy.
  const auto parts = qkv.split(options.attention_width(), /*dim=*/1);
  const auto heads = [&](const at::Tensor& part) {  // [sequences, heads, T, head size]
    return part.view({sequences, -1, options.heads, options.head_size}).transpose(1, 2);
  };
  const auto mixed =
      at::scaled_dot_product_attention(heads(parts[0]), heads(parts[1]), heads(parts[2]), {},
                                       /*dropout_p=*/0.0, /*is_causal=*/true);
  return mixed.transpose(1, 2).reshape({-1, options.attention_width()});
}

// x, and the result: [sequences * T, width]
at::Tensor block(const at::Tensor& x, const GptWeights::Block& weights, std::int64_t sequences,
                 const GptOptions& options) {
  const auto qkv = projected(normalized(x, weights.ln_1), weights.attn_c_attn);
  const auto mixed = x.add(projected(attention(qkv, sequences, options), weights.attn_c_proj));
  const auto hidden = activated(projected(normalized(mixed, weights.ln_2), weights.mlp_c_fc));
  return mixed.add(projected(hidden, weights.mlp_c_proj));
}

}  // namespace

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

at::Tensor gpt_loss(const GptWeights& weights, const GptOptions& options, const at::Tensor& inputs,
                    const at::Tensor& targets) {
  const std::int64_t sequences = inputs.size(0);
  const std::int64_t length = inputs.size(1);
  auto x = at::embedding(weights.wte, inputs)
               .add(weights.wpe.narrow(0, 0, length))
               .view({sequences * length, options.width});
  for (const auto& weights_of_block : weights.blocks) {
    x = block(x, weights_of_block, sequences, options);
  }
  const auto logits = normalized(x, weights.ln_f).mm(weights.wte.t());
  return at::cross_entropy_loss(logits, targets.reshape({-1}));
}

}  // namespace strait
