// strait doctor: what the program found on this machine, and how to mend what is missing.

#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/output/build_info.h"
#include "core/base/simd.h"
#ifdef STRAIT_WITH_TORCH
#include "core/train/tasks/torch_info.h"
#endif

namespace strait {

namespace {

struct Check {
  std::string what;
  bool good = false;
  std::string found;
  std::string fix;  // printed if not good
};

std::string count_of(const std::filesystem::path& folder) {
  std::error_code error;
  std::size_t packages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.is_directory()) ++packages;
  }
  return fmt::format("{} packages in {}", packages, folder.string());
}

Check check_text() {
  const std::filesystem::path folder = deps_folder() + "/manpages";
  std::error_code error;
  const bool good = std::filesystem::is_directory(folder, error);
  return {"demo text", good, good ? count_of(folder) : "none in " + folder.string(),
          "run scripts/setup.sh, or give a folder of text with --data.text FOLDER"};
}

Check check_scenarios() {
  const std::string demo = find_in_repository("scenarios/demo.ini");
  const bool good = std::filesystem::exists(demo);
  return {"scenarios", good, good ? demo : "none", "run the program in the repository's folder"};
}

Check check_cores() {
  const unsigned cores = std::thread::hardware_concurrency();
  return {"processor", cores >= 2, fmt::format("{} cores, {}", cores, to_string(best_simd())),
          "with one core, islands compute one after the other: all results stay the same"};
}

Check check_torch() {
#ifdef STRAIT_WITH_TORCH
  return {"LibTorch", true, torch_description(), ""};
#else
  return {"LibTorch", false, "not in this build: the quadratic task only",
          "run scripts/setup.sh and build with: cmake --workflow --preset release"};
#endif
}

Check check_gpu() {
#ifdef STRAIT_WITH_TORCH
  const std::string gpu = cuda_description();
  return {"GPU", !gpu.empty(), gpu.empty() ? "none: islands compute on the CPU" : gpu,
          "optional: --run.device cuda needs a GPU and the CUDA libraries of the torch wheel"};
#else
  return {"GPU", false, "not in this build", ""};
#endif
}

}  // namespace

int command_doctor(const std::vector<std::string>&) {
  const BuildInfo build = build_info();
  fmt::print("strait {} ({})\n\n", build.commit, build.compiler);
  for (const Check& check :
       {check_cores(), check_torch(), check_gpu(), check_text(), check_scenarios()}) {
    fmt::print("  {:<4} {:<10} {}\n", check.good ? "ok" : "--", check.what, check.found);
    if (!check.good && !check.fix.empty()) fmt::print("       {:<10} {}\n", "", check.fix);
  }
  return 0;
}

}  // namespace strait
