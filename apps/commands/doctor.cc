// strait doctor: what the program found on this machine, and how to mend what is missing.

#include <fmt/format.h>

#include <filesystem>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/output/build_info.h"
#include "core/base/errors.h"
#include "core/base/places.h"
#include "core/base/simd.h"
#ifdef STRAIT_WITH_TORCH
#include "core/train/tasks/torch_info.h"
#endif

namespace strait {

namespace {

namespace fs = std::filesystem;

struct Check {
  std::string what;
  bool good = false;
  std::string found;
  std::string fix;  // printed if not good
};

Check check_cores() {
  const unsigned cores = std::thread::hardware_concurrency();
  return {"processor", cores >= 2, fmt::format("{} cores, {}", cores, to_string(best_simd())),
          "with one core, islands compute one after the other: all results stay the same"};
}

Check check_memory() {
  constexpr double kDemo = 1e9;  // of which it uses about a half
  return {"memory", total_memory() >= kDemo, fmt::format("{:.1f} GB", total_memory() / 1e9),
          "the demo needs 1 GB; fewer islands need less: --run.islands 2"};
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
#else
  const std::string gpu;
#endif
  return {"GPU", !gpu.empty(), gpu.empty() ? "none that LibTorch can use" : gpu,
          "not needed: islands compute on the CPU (run.device = cpu)"};
}

Check check_text() {
  const std::string folder = deps_folder() + "/manpages";
  std::error_code ignored;
  std::size_t packages = 0;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory(ignored)) ++packages;
  }
  return {"demo text", packages > 0,
          packages > 0 ? fmt::format("{} packages in {}", packages, folder) : "none in " + folder,
          "run scripts/setup.sh, or give a folder of text with --data.text FOLDER"};
}

Check check_scenarios() {
  const std::string folder = find_ours("scenarios");
  std::error_code ignored;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".ini") ++count;
  }
  return {"scenarios", fs::exists(folder + "/demo.ini", ignored),
          fmt::format("{} in {}", count, folder), "run the program in the repository's folder"};
}

Check check_runs() {
  const std::string folder = RunConfig{}.run.out;
  const std::string here = fs::absolute(folder).string();
  const bool good = can_make_files_in(folder);
  return {"run folder", good, good ? here : "cannot be written: " + here,
          "go to a folder of your own, or give one with --run.out FOLDER"};
}

}  // namespace

int command_doctor(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    throw UserError(fmt::format("'{}' is one word too many; write strait doctor", arguments[0]));
  }
  const BuildInfo build = build_info();
  fmt::print("strait {} ({})\n\n", build.commit, build.compiler);
  bool demo_runs = true;
  for (const Check& check : {check_cores(), check_memory(), check_torch(), check_gpu(),
                             check_text(), check_scenarios(), check_runs()}) {
    const bool optional = check.what == "GPU" || check.what == "processor";
    fmt::print("  {:<4} {:<10} {}\n", check.good ? "ok" : "--", check.what, check.found);
    if (!check.good && !check.fix.empty()) fmt::print("       {:<10} {}\n", "", check.fix);
    demo_runs = demo_runs && (check.good || optional);
  }
  fmt::print("\n{}\n", demo_runs ? "strait demo runs here."
                                 : "strait demo does not run here yet; `strait run "
                                   "scenarios/quadratic.ini` needs neither text nor LibTorch.");
  return 0;
}

}  // namespace strait
