#include "core/train/record.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

constexpr std::int32_t kIslands = 2;

ParameterLayout small_layout() {
  ParameterLayout layout;
  layout.add("wte.weight", {3, 5}, 0, /*decayed=*/true);
  layout.add("ln_f.bias", {3}, 1, /*decayed=*/false);
  return layout;
}

RecordManifest small_manifest() {
  return {.model = {.layers = 1,
                    .width = 5,
                    .heads = 1,
                    .head_size = 5,
                    .vocabulary = 3,
                    .context = 4,
                    .init_std = 0.06},
          .inner = {},
          .outer = {},
          .islands = kIslands,
          .inner_steps_per_round = 2,
          .rounds = 1,
          .pretrain_steps = 0,
          .strategy = "diloco",
          .codec = "fp32",
          .missed_round_policy = "continue"};
}

// 1, 2, 3 ... in the parameters, -1 in the padding, which must not be written.
std::vector<float> counting(const ParameterLayout& layout, float start) {
  std::vector<float> flat(static_cast<std::size_t>(layout.size()), -1.0f);
  for (const Parameter& parameter : layout.parameters()) {
    for (std::int64_t i = 0; i < parameter.size; ++i) {
      flat[static_cast<std::size_t>(parameter.offset + i)] = start++;
    }
  }
  return flat;
}

TEST_CASE("a recorded run holds every file of the format", "[record]") {
  const TemporaryFolder folder;
  const std::string dir = folder / "record";
  const ParameterLayout layout = small_layout();
  Recorder recorder(dir, small_manifest(), layout);
  recorder.initial(counting(layout, 1));
  {
    std::vector<std::jthread> islands;
    for (std::int32_t island = 0; island < kIslands; ++island) {
      islands.emplace_back([&, island] {
        for (std::int64_t step = 0; step < 2; ++step) {
          const std::vector<std::int64_t> inputs(8, island * 10 + step);
          const std::vector<std::int64_t> targets(8, 1);
          recorder.batch(island, inputs, targets);
        }
        for (std::int64_t step = 0; step < 2; ++step) {
          recorder.step(
              island,
              {.step = step, .round = 1, .lr = 2e-3, .loss = 5.123456789012, .grad_norm = 1.0 / 3});
        }
        recorder.boundary(1, island, counting(layout, 100));
      });
    }
  }
  recorder.shared(1, counting(layout, 200));
  const MemberRow rows[] = {{.island = 0, .contributed = true, .received = true, .weight = 1},
                            {.island = 1, .contributed = false, .received = false, .weight = 0}};
  recorder.members(1, rows);
  recorder.finish();

  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file()) {
      files.insert(std::filesystem::relative(entry.path(), dir).string());
    }
  }
  CHECK(files == std::set<std::string>{"manifest.json", "initial.safetensors",
                                       "island_000/batches.safetensors", "island_000/steps.csv",
                                       "island_001/batches.safetensors", "island_001/steps.csv",
                                       "round_0001/island_000.safetensors",
                                       "round_0001/island_001.safetensors",
                                       "round_0001/shared.safetensors", "round_0001/members.csv"});
  CHECK(read_file(dir + "/island_001/steps.csv") ==
        "step,round,lr,loss,grad_norm\n"
        "0,1,0.002,5.12345679,0.333333333\n"
        "1,1,0.002,5.12345679,0.333333333\n");
  CHECK(read_file(dir + "/round_0001/members.csv") ==
        "island,contributed,received,weight\n0,1,1,1\n1,0,0,0\n");

  const Safetensors initial(dir + "/initial.safetensors");
  CHECK(initial.entries().size() == 2);
  CHECK(initial.f32("ln_f.bias") == std::vector<float>{16, 17, 18});
  CHECK(initial.at("wte.weight").shape == std::vector<std::int64_t>{3, 5});
  CHECK(initial.f32("wte.weight").back() == 15);

  const Safetensors batches(dir + "/island_001/batches.safetensors");
  CHECK(batches.at("inputs").shape == std::vector<std::int64_t>{2, 2, 4});
  CHECK(batches.i64("inputs").front() == 10);
  CHECK(batches.i64("inputs").back() == 11);
  CHECK(batches.i64("targets") == std::vector<std::int64_t>(16, 1));
}

TEST_CASE("the manifest says what the run was", "[record]") {
  const TemporaryFolder folder;
  const ParameterLayout layout = small_layout();
  const Recorder recorder(folder / "record", small_manifest(), layout);
  const auto manifest = nlohmann::json::parse(read_file(folder / "record/manifest.json"));
  CHECK(manifest["format"] == 1);
  CHECK(manifest["model"]["architecture"] == "gpt2");
  CHECK(manifest["model"]["init_std"] == 0.06);
  CHECK(manifest["inner"]["decayed"] == nlohmann::json::array({"wte.weight"}));
  CHECK(manifest["inner"]["beta2"] == 0.95);
  CHECK(manifest["outer"]["name"] == "nesterov");
  CHECK(manifest["islands"] == kIslands);
  CHECK(manifest["missed_round_policy"] == "continue");
}

TEST_CASE("the inner state is written by name with its step", "[record]") {
  const TemporaryFolder folder;
  const ParameterLayout layout = small_layout();
  Recorder recorder(folder / "record", small_manifest(), layout);
  auto m = counting(layout, 1);
  auto v = counting(layout, 50);
  const InnerOptimizer::State states[] = {{"m", m}, {"v", v}};
  recorder.inner_state(states, 7);
  const Safetensors file(folder / "record/inner_state.safetensors");
  CHECK(file.entries().size() == 5);
  CHECK(file.i64("step") == std::vector<std::int64_t>{7});
  CHECK(file.at("step").shape.empty());
  CHECK(file.f32("m.ln_f.bias") == std::vector<float>{16, 17, 18});
  CHECK(file.f32("v.wte.weight").front() == 50);
}

TEST_CASE("a folder that holds something is not recorded over", "[record]") {
  const TemporaryFolder folder;
  const ParameterLayout layout = small_layout();
  std::filesystem::create_directory(folder / "empty");
  CHECK_NOTHROW(Recorder(folder / "empty", small_manifest(), layout));
  CHECK_THROWS_AS(Recorder(folder / "empty", small_manifest(), layout), UserError);
  write_file_atomically(folder / "file", "");
  CHECK_THROWS_AS(Recorder(folder / "file/below", small_manifest(), layout), UserError);
}

TEST_CASE("a record that does not fit together is our bug", "[record]") {
  const TemporaryFolder folder;
  const ParameterLayout layout = small_layout();
  Recorder recorder(folder / "record", small_manifest(), layout);
  const std::vector<std::int64_t> tokens(4, 1);
  CHECK_THROWS_AS(recorder.batch(kIslands, tokens, tokens), BrokenInvariant);
  CHECK_THROWS_AS(recorder.batch(0, tokens, {}), BrokenInvariant);
  CHECK_THROWS_AS(recorder.step(0, {.step = 1}), BrokenInvariant);
  CHECK_THROWS_AS(recorder.initial(std::vector<float>(3)), BrokenInvariant);
  CHECK_THROWS_AS(recorder.members(1, {}), BrokenInvariant);
  recorder.batch(0, tokens, tokens);
  CHECK_THROWS_AS(recorder.finish(), BrokenInvariant);
}

}  // namespace
}  // namespace strait
