// Devices by name: what one of them could compute at most, for compute.device.
//
// A step of an island takes FLOPs / (peak x MFU). FLOPs are the model's (6 x parameters x tokens
// plus attention; nothing for recomputing), so MFU is the model FLOPs utilization of PaLM
// (Chowdhery et al. 2022, appendix B), which gives 21 % for GPT-3, 33 % for Gopher and 46 % for
// PaLM. The default of 40 % is that of well-made training on one machine: an assumption, to be
// replaced by what you measure. Small models reach far less.
//
// Constant; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/run_config.h"

namespace strait {

struct Device {
  std::string_view name;
  double peak_flops = 0;  // per second, dense
  std::string_view what;  // numbers and where the figure is from
};

const std::vector<Device>& devices();

/// compute.device = this: the step is measured before the run (apps/experiment/measured_step.h).
inline constexpr std::string_view kThisDevice = "this";

/// Null if there is none.
const Device* find_device(std::string_view name);

/// With compute.step as compute.device makes it, if there is one. `task_flops` are those of one
/// inner step of one island, 0 = not known; compute.flops_per_step goes before. Throws UserError.
RunConfig with_device(RunConfig config, double task_flops);

/// For the banner: "1.01e12 FLOPs at 40 % of 312 TFLOP/s (a100)"; empty without a device.
std::string device_line(const RunConfig& config, double task_flops);

}  // namespace strait
