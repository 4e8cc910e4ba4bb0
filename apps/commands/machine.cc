#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/output/human.h"
#include "core/base/errors.h"
#include "core/train/tasks/gpt_passes.h"

namespace strait {

namespace {

namespace fs = std::filesystem;

constexpr double kBytesPerValue = 4;

/// Buffers of the model's size that an island holds: parameters, gradients, AdamW's two moments,
/// shared parameters, outer gradient, their mean, outer momentum.
constexpr double kBuffers = 8;

double parameters_of(const RunConfig& c) {
  if (c.task.name == "quadratic") return static_cast<double>(c.quadratic.size);
  const ModelSettings& m = c.model;
  const auto width = static_cast<double>(m.width);
  const auto attention = static_cast<double>(m.heads * m.head_size);
  return static_cast<double>(m.vocabulary + m.context) * width +
         static_cast<double>(m.layers) * (4 * width * attention + 8 * width * width);
}

/// Values that what is taken at once leaves for the backward pass (on the CPU a sequence, or
/// kTokensAtOnce a thread; else a batch); the logits and the residual stream alone.
double activations_of(const RunConfig& c) {
  if (c.task.name == "quadratic") return 0;
  const std::int64_t batch = c.data.sequences * c.model.context;
  const std::int64_t part =
      std::max<std::int64_t>(c.model.context, kTokensAtOnce * c.run.threads_per_island);
  const auto tokens = static_cast<double>(c.run.device == "cpu" ? std::min(batch, part) : batch);
  return tokens * (2 * static_cast<double>(c.model.vocabulary) +
                   8 * static_cast<double>(c.model.layers) * static_cast<double>(c.model.width));
}

/// A lower bound, for mistakes of orders of magnitude.
void check_memory(const RunConfig& c) {
  const double island = kBuffers * parameters_of(c) + activations_of(c);
  const double needed = kBytesPerValue * island * c.run.islands;
  if (needed <= total_memory()) return;
  throw UserError(fmt::format(
      "{} islands of this model need {:.0f} GB and more, and this machine has {:.1f} GB "
      "of memory; make {} or run.islands smaller",
      c.run.islands, needed / 1e9, total_memory() / 1e9,
      c.task.name == "quadratic" ? "quadratic.size" : "model.*, data.sequences"));
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

}  // namespace

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

void check_machine(const RunConfig& config) {
  check_memory(config);
  check_record_folder(config.run.record);
}

}  // namespace strait
