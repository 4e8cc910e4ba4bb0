#include "core/config/devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/errors.h"
#include "core/base/quantities.h"

namespace strait {
namespace {

constexpr Nanos kLongestComputed = std::chrono::hours(1);

double flops_of(const RunConfig& config, double task_flops) {
  return config.compute.flops_per_step > 0 ? config.compute.flops_per_step : task_flops;
}

}  // namespace

const std::vector<Device>& devices() {
  static const std::vector<Device> table{
      {"v100", 125e12, "fp16 tensor cores (NVIDIA V100 data sheet, SXM2)"},
      {"t4", 65e12, "fp16 tensor cores (NVIDIA T4 data sheet)"},
      {"a100", 312e12, "bf16 tensor cores (NVIDIA A100 data sheet)"},
      {"h100", 989.4e12, "bf16 tensor cores (NVIDIA H100 data sheet, SXM, half of the sparse)"},
      {"h200", 989.4e12, "bf16 tensor cores (NVIDIA H200 data sheet, SXM, half of the sparse)"},
      {"b200", 2250e12, "bf16 tensor cores (NVIDIA HGX B200 data sheet, half of the sparse / 8)"},
      {"l4", 121e12, "bf16 tensor cores (NVIDIA L4 data sheet, half of the sparse)"},
      {"rtx3090", 71e12, "bf16 tensor cores, fp32 sums (NVIDIA GA102 white paper)"},
      {"rtx4090", 165.2e12, "bf16 tensor cores, fp32 sums (NVIDIA Ada white paper)"},
      {"mi300x", 1307.4e12, "bf16 matrix cores (AMD MI300X data sheet)"},
      {"m1", 2.6e12, "fp32, GPU of 8 cores (Apple, November 2020)"},
      {"m2", 3.6e12, "fp32, GPU of 10 cores (Apple, June 2022)"},
  };
  return table;
}

const Device* find_device(std::string_view name) {
  const auto found = std::find_if(devices().begin(), devices().end(),
                                  [&](const Device& device) { return device.name == name; });
  return found == devices().end() ? nullptr : &*found;
}

RunConfig with_device(RunConfig config, double task_flops) {
  const Device* const device = find_device(config.compute.device);
  if (device == nullptr) return config;
  const double flops = flops_of(config, task_flops);
  if (flops <= 0) {
    throw UserError(
        fmt::format("compute.device = {}: nobody knows the FLOPs of a step of this "
                    "task; write compute.flops_per_step, e.g. 1e12",
                    device->name));
  }
  const double step_s = flops / (device->peak_flops * config.compute.mfu);
  if (step_s > seconds(kLongestComputed)) {
    throw UserError(
        fmt::format("compute.device = {}: {:.3g} FLOPs take {:.3g} s, more than {}; "
                    "make compute.flops_per_step smaller",
                    device->name, flops, step_s, format_duration(kLongestComputed)));
  }
  config.compute.step = std::max(Nanos{std::llround(step_s * 1e9)}, Nanos{1});
  return config;
}

std::string device_line(const RunConfig& config, double task_flops) {
  const Device* const device = find_device(config.compute.device);
  if (device == nullptr) return {};
  return fmt::format("{:.3g} FLOPs at {:.3g} % of {:.4g} TFLOP/s ({})",
                     flops_of(config, task_flops), config.compute.mfu * 100,
                     device->peak_flops * 1e-12, device->name);
}

}  // namespace strait
