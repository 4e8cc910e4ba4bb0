#include "core/train/tasks/language.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/train/tasks/gpt_model.h"

namespace strait {
namespace {

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

std::span<float> span_of(const at::Tensor& flat) {
  return {flat.data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
}

std::vector<at::Tensor> views_into(const at::Tensor& flat, const ParameterLayout& layout) {
  std::vector<at::Tensor> views;
  for (const Parameter& parameter : layout.parameters()) {
    views.push_back(flat.narrow(0, parameter.offset, parameter.size).view(parameter.shape));
  }
  return views;
}

class LanguageTask final : public Task {
 public:
  LanguageTask(const LanguageOptions& options, TokenBatches& batches,
               std::span<const HeldOut> held_out);

  const ParameterLayout& layout() const override { return layout_; }
  std::span<float> parameters() override { return span_of(parameters_); }
  std::span<float> gradients() override { return span_of(gradients_); }
  void initialize() override;
  void clear_gradients() override;
  StepWork accumulate_gradient(BatchKey key, float scale) override;
  std::vector<double> take_losses() override;
  std::vector<Metric> evaluate(std::span<const float> parameters, int share, int shares) override;
  double bytes_per_token() const override { return options_.gpt.vocabulary == 256 ? 1 : 0; }

 private:
  void join_gradients();
  void check_gradients_joined() const;
  double mean_loss(const GptWeights& weights, const HeldOut& source) const;

  LanguageOptions options_;
  TokenBatches& batches_;
  std::span<const HeldOut> held_out_;
  ParameterLayout layout_;
  at::Device device_;

  // Host memory, and the same tensors again if the device is the CPU. LibTorch aligns to 64 bytes.
  at::Tensor parameters_;
  at::Tensor gradients_;
  at::Tensor device_parameters_;
  at::Tensor device_gradients_;
  at::Tensor inputs_;   // host, [sequences, T]
  at::Tensor targets_;  // host, [sequences, T]

  std::vector<at::Tensor> leaves_;  // views into device_parameters_
  GptWeights weights_;              // the same, by name
  std::vector<at::Tensor> losses_;  // on the device, not yet read
  bool gradients_checked_ = false;
};

LanguageTask::LanguageTask(const LanguageOptions& options, TokenBatches& batches,
                           std::span<const HeldOut> held_out)
    : options_(options),
      batches_(batches),
      held_out_(held_out),
      layout_(gpt_layout(options.gpt)),
      device_(find_device(options.device)),
      parameters_(at::zeros({layout_.size()}, at::kFloat)),
      gradients_(at::zeros({layout_.size()}, at::kFloat)),
      device_parameters_(parameters_.to(device_)),
      device_gradients_(gradients_.to(device_)),
      inputs_(at::zeros({options.sequences, options.gpt.context}, at::kLong)),
      targets_(at::zeros_like(inputs_)),
      leaves_(views_into(device_parameters_, layout_)),
      weights_(name_weights(leaves_, options.gpt)) {
  join_gradients();
}

// A leaf whose .grad is already there gets its gradient added in place.
void LanguageTask::join_gradients() {
  const auto views = views_into(device_gradients_, layout_);
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    leaves_[i].requires_grad_();
    leaves_[i].mutable_grad() = views[i];
  }
}

void LanguageTask::check_gradients_joined() const {
  const auto* base = device_gradients_.const_data_ptr<float>();
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    const Parameter& parameter = layout_.parameters()[i];
    STRAIT_CHECK(leaves_[i].grad().const_data_ptr<float>() == base + parameter.offset,
                 "autograd replaced the gradient of {}", parameter.name);
  }
}

void LanguageTask::initialize() {
  initialize_gpt(parameters(), layout_, options_.gpt, options_.seed);
}

void LanguageTask::clear_gradients() { gradients_.zero_(); }

StepWork LanguageTask::accumulate_gradient(BatchKey key, float scale) {
  const auto tokens = static_cast<std::size_t>(inputs_.numel());
  batches_.fill(key, {inputs_.data_ptr<std::int64_t>(), tokens},
                {targets_.data_ptr<std::int64_t>(), tokens});
  if (!device_.is_cpu()) {
    const c10::NoGradGuard no_grad;
    device_parameters_.copy_(parameters_);
    device_gradients_.copy_(gradients_);
  }
  const at::Tensor loss =
      gpt_loss(weights_, options_.gpt, inputs_.to(device_), targets_.to(device_));
  loss.backward(at::full({}, scale, loss.options()));
  if (!device_.is_cpu()) gradients_.copy_(device_gradients_);
  if (!gradients_checked_) check_gradients_joined();
  gradients_checked_ = true;
  losses_.push_back(loss.detach());
  return {.examples = options_.sequences,
          .tokens = inputs_.numel(),
          .flops = gpt_flops_per_token(options_.gpt, layout_.count()) *
                   static_cast<double>(inputs_.numel())};
}

std::vector<double> LanguageTask::take_losses() {
  if (losses_.empty()) return {};
  const at::Tensor host = at::stack(losses_).to(at::kCPU, at::kDouble);
  losses_.clear();
  const auto* values = host.const_data_ptr<double>();
  return {values, values + host.numel()};
}

double LanguageTask::mean_loss(const GptWeights& weights, const HeldOut& source) const {
  const std::int64_t length = options_.gpt.context + 1;
  const std::int64_t count = std::ssize(source.windows) / length;
  const auto windows = at::from_blob(const_cast<std::int64_t*>(source.windows.data()),
                                     {count, length}, at::kLong);  // only read
  at::Tensor sum = at::zeros({}, at::dtype(at::kDouble).device(device_));
  for (std::int64_t start = 0; start < count; start += options_.evaluation_batch) {
    const std::int64_t size = std::min(options_.evaluation_batch, count - start);
    const auto batch = windows.narrow(0, start, size).to(device_);
    const auto loss = gpt_loss(weights, options_.gpt, batch.narrow(1, 0, length - 1),
                               batch.narrow(1, 1, length - 1));
    sum.add_(loss, static_cast<double>(size));
  }
  return sum.item<double>() / static_cast<double>(count);
}

std::vector<Metric> LanguageTask::evaluate(std::span<const float> parameters, int share,
                                           int shares) {
  STRAIT_CHECK(std::ssize(parameters) == layout_.size(), "{} floats for a layout of {}",
               parameters.size(), layout_.size());
  STRAIT_CHECK(0 <= share && share < shares, "share {} of {}", share, shares);
  const c10::NoGradGuard no_grad;
  const auto flat = at::from_blob(const_cast<float*>(parameters.data()), {layout_.size()},
                                  at::kFloat);  // only read
  const auto weights = name_weights(views_into(flat.to(device_), layout_), options_.gpt);
  std::vector<Metric> metrics;
  for (std::size_t i = static_cast<std::size_t>(share); i < held_out_.size();
       i += static_cast<std::size_t>(shares)) {
    metrics.push_back(
        {.name = "loss." + held_out_[i].source, .value = mean_loss(weights, held_out_[i])});
  }
  return metrics;
}

void check(const LanguageOptions& options, std::span<const HeldOut> held_out) {
  check(options.gpt);
  if (options.sequences < 1) {
    throw UserError(fmt::format("data.sequences = {}: must be at least 1", options.sequences));
  }
  STRAIT_CHECK(options.evaluation_batch > 0, "batches of {}", options.evaluation_batch);
  for (const HeldOut& source : held_out) {
    STRAIT_CHECK(
        !source.windows.empty() && std::ssize(source.windows) % (options.gpt.context + 1) == 0,
        "{} held-out tokens of {} are no windows of {}", source.windows.size(), source.source,
        options.gpt.context + 1);
  }
}

}  // namespace

std::unique_ptr<Task> make_language_task(const LanguageOptions& options, TokenBatches& batches,
                                         std::span<const HeldOut> held_out) {
  check(options, held_out);
  return std::make_unique<LanguageTask>(options, batches, held_out);
}

}  // namespace strait
