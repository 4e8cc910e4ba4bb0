#include <cstdlib>
#include <filesystem>

#include "apps/commands/commands.h"

namespace strait {

std::string find_in_repository(const std::string& path) {
  if (std::filesystem::exists(path)) return path;
  const std::string built_from = std::string(STRAIT_SOURCE_DIR) + "/" + path;
  return std::filesystem::exists(built_from) ? built_from : path;
}

std::string deps_folder() {
  if (const char* given = std::getenv("STRAIT_DEPS"); given != nullptr && *given != '\0') {
    return given;
  }
  return find_in_repository(".deps");
}

}  // namespace strait
