// What LibTorch is and finds here, for `strait doctor`.
#pragma once

#include <string>

namespace strait {

/// Version and the folder that it was loaded from.
std::string torch_description();

/// The GPUs that LibTorch can use; empty if there is none.
std::string cuda_description();

}  // namespace strait
