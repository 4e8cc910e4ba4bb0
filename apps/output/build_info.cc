#include "apps/output/build_info.h"

#include <fmt/format.h>

#include "strait_commit.h"

namespace strait {

BuildInfo build_info() {
#ifdef __clang__
  const std::string compiler =
      fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  const std::string compiler =
      fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  return {.commit = STRAIT_COMMIT,
          .compiler = compiler,
          .version = STRAIT_VERSION,
          .flags = STRAIT_FLAGS};
}

}  // namespace strait
