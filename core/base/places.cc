#include "core/base/places.h"

#include <array>
#include <filesystem>

namespace strait {

namespace fs = std::filesystem;

std::string find_ours(const std::string& path) {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const std::array<fs::path, 3> places{fs::path(path),
                                       program.parent_path().parent_path() / "share/strait" / path,
                                       fs::path(STRAIT_SOURCE_DIR) / path};
  for (const fs::path& place : places) {
    if (fs::exists(place, ignored)) return place.string();
  }
  return path;
}

}  // namespace strait
