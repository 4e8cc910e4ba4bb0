// The GPT as a line of LibTorch operations; autograd makes the backward pass.
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/train/tasks/gpt_passes.h"
#include "core/train/tasks/gpt_weights.h"

namespace strait {
namespace {

using Weights = GptWeights<at::Tensor>;

constexpr double kNormEpsilon = 1e-5;
constexpr std::int64_t kWindowsAtOnce = 32;  // bounds the memory of an evaluation

at::Tensor normalized(const at::Tensor& x, const Weights::Norm& norm) {
  return at::layer_norm(x, norm.weight.sizes(), norm.weight, norm.bias, kNormEpsilon);
}

at::Tensor projected(const at::Tensor& x, const Weights::Linear& linear) {
  return at::addmm(linear.bias, x, linear.weight);
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
at::Tensor block(const at::Tensor& x, const Weights::Block& weights, std::int64_t sequences,
                 const GptOptions& options) {
  const auto qkv = projected(normalized(x, weights.ln_1), weights.attn_c_attn);
  const auto mixed = x.add(projected(attention(qkv, sequences, options), weights.attn_c_proj));
  const auto hidden =
      at::gelu(projected(normalized(mixed, weights.ln_2), weights.mlp_c_fc), "tanh");
  return mixed.add(projected(hidden, weights.mlp_c_proj));
}

// Mean over all positions. inputs, targets: int64 [sequences, T].
at::Tensor gpt_loss(const Weights& weights, const GptOptions& options, const at::Tensor& inputs,
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

[[noreturn]] void no_such_device(const std::string& device, std::string_view why) {
  throw UserError(
      fmt::format("run.device = {}: {}; use cpu, or cuda[:N] where there is a GPU", device, why));
}

// LibTorch's CUDA half is loaded only when it is asked for, so that one program serves machines
// with and without it.
void load_cuda(const std::string& name, int index) {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr)
    no_such_device(name, dlerror());
  const int gpus = c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)
                       ? c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount()
                       : 0;
  if (index >= gpus) no_such_device(name, fmt::format("{} GPUs here", gpus));
}

at::Device find_device(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  int index = 0;
  if (name != "cuda") {
    const std::string_view digits =
        std::string_view(name).substr(std::min<std::size_t>(5, name.size()));
    const bool numbered = name.starts_with("cuda:") && !digits.empty() && digits.size() <= 2 &&
                          digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!numbered) no_such_device(name, "unknown");
    index = std::stoi(std::string(digits));
  }
  load_cuda(name, index);
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

at::Tensor tensor_over(std::span<const float> flat) {
  return at::from_blob(const_cast<float*>(flat.data()), {std::ssize(flat)}, at::kFloat);
}

at::Tensor tensor_over(std::span<const std::int64_t> tokens, std::int64_t length) {
  return at::from_blob(const_cast<std::int64_t*>(tokens.data()),
                       {std::ssize(tokens) / length, length}, at::kLong);  // only read
}

// One tensor per parameter of `layout`, in its order: views into `flat`.
std::vector<at::Tensor> views_into(const at::Tensor& flat, const ParameterLayout& layout) {
  std::vector<at::Tensor> views;
  for (const Parameter& parameter : layout.parameters()) {
    views.push_back(flat.narrow(0, parameter.offset, parameter.size).view(parameter.shape));
  }
  return views;
}

class GptByAutograd final : public GptPasses {
 public:
  GptByAutograd(const GptOptions& options, const std::string& device, std::span<float> parameters,
                std::span<float> gradients)
      : options_(options),
        layout_(gpt_layout(options)),
        device_(find_device(device)),
        parameters_(tensor_over(parameters)),
        gradients_(tensor_over(gradients)),
        device_parameters_(parameters_.to(device_)),
        device_gradients_(gradients_.to(device_)),
        leaves_(views_into(device_parameters_, layout_)),
        weights_(leaves_, options) {
    join_gradients();
  }

  void accumulate_gradient(std::span<const std::int64_t> inputs,
                           std::span<const std::int64_t> targets, float scale) override {
    if (!device_.is_cpu()) {
      const c10::NoGradGuard no_grad;
      device_parameters_.copy_(parameters_);
      device_gradients_.copy_(gradients_);
    }
    const at::Tensor loss =
        gpt_loss(weights_, options_, tensor_over(inputs, options_.context).to(device_),
                 tensor_over(targets, options_.context).to(device_));
    loss.backward(at::full({}, scale, loss.options()));
    if (!device_.is_cpu()) gradients_.copy_(device_gradients_);
    if (!gradients_checked_) check_gradients_joined();
    gradients_checked_ = true;
    losses_.push_back(loss.detach());
  }

  std::vector<double> take_losses() override {
    if (losses_.empty()) return {};
    const at::Tensor host = at::stack(losses_).to(at::kCPU, at::kDouble);
    losses_.clear();
    const auto* values = host.const_data_ptr<double>();
    return {values, values + host.numel()};
  }

  double mean_loss(std::span<const float> parameters,
                   std::span<const std::int64_t> windows) override {
    const c10::NoGradGuard no_grad;
    const Weights weights(views_into(tensor_over(parameters).to(device_), layout_), options_);
    const at::Tensor all = tensor_over(windows, options_.context + 1);
    const std::int64_t count = all.size(0);
    at::Tensor sum = at::zeros({}, at::dtype(at::kDouble).device(device_));
    for (std::int64_t start = 0; start < count; start += kWindowsAtOnce) {
      const std::int64_t size = std::min(kWindowsAtOnce, count - start);
      const auto batch = all.narrow(0, start, size).to(device_);
      const auto loss = gpt_loss(weights, options_, batch.narrow(1, 0, options_.context),
                                 batch.narrow(1, 1, options_.context));
      sum.add_(loss, static_cast<double>(size));
    }
    return sum.item<double>() / static_cast<double>(count);
  }

 private:
  // A leaf whose .grad is already there gets its gradient added in place.
  void join_gradients() {
    const auto views = views_into(device_gradients_, layout_);
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      leaves_[i].requires_grad_();
      leaves_[i].mutable_grad() = views[i];
    }
  }

  void check_gradients_joined() const {
    const auto* base = device_gradients_.const_data_ptr<float>();
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      const Parameter& parameter = layout_.parameters()[i];
      STRAIT_CHECK(leaves_[i].grad().const_data_ptr<float>() == base + parameter.offset,
                   "autograd replaced the gradient of {}", parameter.name);
    }
  }

  GptOptions options_;
  ParameterLayout layout_;
  at::Device device_;

  // Over the caller's buffers, and the same memory again if the device is the CPU.
  at::Tensor parameters_;
  at::Tensor gradients_;
  at::Tensor device_parameters_;
  at::Tensor device_gradients_;

  std::vector<at::Tensor> leaves_;  // views into device_parameters_
  Weights weights_;                 // the same, by name
  std::vector<at::Tensor> losses_;  // on the device, not yet read
  bool gradients_checked_ = false;
};

}  // namespace

void check_device(const std::string& device) { find_device(device); }

std::unique_ptr<GptPasses> make_gpt_by_autograd(const GptOptions& options,
                                                const std::string& device,
                                                std::span<float> parameters,
                                                std::span<float> gradients) {
  return std::make_unique<GptByAutograd>(options, device, parameters, gradients);
}

}  // namespace strait
