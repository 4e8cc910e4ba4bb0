#include "apps/output/run_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "apps/output/build_info.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/trace.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_folder(const std::string& path, const std::string& reason) {
  throw UserError(
      fmt::format("cannot make folder {}: {}; give another place with run.out", path, reason));
}

constexpr int kMany = 1'000'000'000;  // somebody else's numbers

/// The highest N of the folders and files NAME-N in `out`; 0 if there is none.
int highest_number(const std::string& out, const std::string& name) {
  int highest = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(out, ignored)) {
    const std::string file = entry.path().filename();
    if (file.rfind(name + "-", 0) != 0) continue;
    const char* const first = file.data() + name.size() + 1;
    const char* const last = file.data() + file.size();
    int number = 0;
    const auto [stop, error] = std::from_chars(first, last, number);
    if (error == std::errc{} && stop == last && number < kMany) highest = std::max(highest, number);
  }
  return highest;
}

}  // namespace

std::string make_run_folder(const std::string& out, const std::string& name) {
  std::error_code error;
  fs::create_directories(out, error);
  if (error) refuse_folder(out, error.message());
  for (int number = highest_number(out, name) + 1;; ++number) {
    const std::string path = (fs::path(out) / fmt::format("{}-{:03}", name, number)).string();
    if (::mkdir(path.c_str(), 0777) == 0) return path;
    if (errno != EEXIST) refuse_folder(path, std::strerror(errno));
  }
}

std::string version_text(const RunConfig& config) {
  const BuildInfo build = build_info();
  return fmt::format("commit    {}\ncompiler  {}\nsettings  {}\n", build.commit, build.compiler,
                     hex(settings_hash(config)));
}

void write_run_header(const std::string& folder, const LoadedConfig& loaded) {
  write_file_atomically(folder + "/config.resolved.ini", resolved_ini(loaded));
  write_file_atomically(folder + "/version.txt", version_text(loaded.config));
}

}  // namespace strait
