#include <cstdlib>

#include "apps/commands/commands.h"
#include "core/base/places.h"

namespace strait {

std::string deps_folder() {
  if (const char* given = std::getenv("STRAIT_DEPS"); given != nullptr && *given != '\0') {
    return given;
  }
  return find_ours(".deps");
}

}  // namespace strait
