#include "core/train/tasks/torch_info.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/version.h>

namespace strait {

std::string torch_description() {
  Dl_info where{};
  dladdr(reinterpret_cast<const void*>(&c10::impl::hasDeviceGuardImpl), &where);
  return fmt::format("{} ({})", TORCH_VERSION, where.dli_fname != nullptr ? where.dli_fname : "?");
}

std::string cuda_description() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) return {};
  if (!c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) return {};
  const int gpus = c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount();
  return gpus == 0 ? std::string() : fmt::format("{} GPU(s)", gpus);
}

}  // namespace strait
