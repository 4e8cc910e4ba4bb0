#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/experiment/model_costs.h"
#include "core/base/errors.h"

namespace strait {

namespace fs = std::filesystem;

double total_memory() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<double>(::sysconf(_SC_PAGE_SIZE));
}

bool can_make_files_in(const std::string& path) {
  fs::path folder = fs::absolute(path).lexically_normal();
  std::error_code ignored;
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  return fs::is_directory(folder, ignored) && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

void check_memory(const RunConfig& config, int islands) {
  const IslandMemory memory = memory_of(config);
  const Bytes here = config.run.device == "cpu" ? memory.total() : memory.buffers();
  const double needed = static_cast<double>(here) * islands;
  if (needed <= total_memory()) return;
  throw UserError(fmt::format(
      "{} of this model need{} {:.0f} GB and more, and this machine has {:.1f} GB of memory; make "
      "{}{} smaller",
      islands == 1 ? "1 island" : fmt::format("{} islands", islands), islands == 1 ? "s" : "",
      needed / 1e9, total_memory() / 1e9,
      config.task.name == "quadratic" ? "quadratic.size" : "model.* or data.sequences",
      islands == 1 ? "" : " or run.islands"));
}

void check_record_folder(const std::string& folder) {
  if (folder.empty()) return;
  const auto refuse = [&](const char* problem) {
    throw UserError(fmt::format("run.record = {}: {}; name a new folder", folder, problem));
  };
  std::error_code ignored;
  const bool exists = fs::exists(folder, ignored);
  if (exists && !fs::is_directory(folder, ignored)) refuse("is a file");
  if (exists && !fs::is_empty(folder, ignored)) refuse("is there and not empty");
  if (!can_make_files_in(folder)) refuse("cannot be written");
}

}  // namespace strait
