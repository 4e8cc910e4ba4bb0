// Prices without training, beside the runs that they are of: on the run's own network to the
// nanosecond, on another as if it had been run there.
#include "apps/experiment/price.h"

#include "apps/experiment/price_table.h"
#include "core/base/files.h"
#include "tests/run/scenario_run.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

std::string scenario_path(const std::string& name) {
  return std::string(STRAIT_SOURCE_DIR) + "/scenarios/" + name + ".ini";
}

std::string links_path(const std::string& name) {
  return std::string(STRAIT_SOURCE_DIR) + "/scenarios/links/" + name + ".csv";
}

/// A run's folder as the program makes it.
std::string run_folder(const TemporaryFolder& out, const std::string& name,
                       std::vector<std::string> changes, const std::vector<ArmOptions>& arms = {}) {
  changes.insert(changes.end(), {"--run.out", out.path()});
  const LoadedConfig loaded = load_config(scenario_path(name), changes);
  std::FILE* const nowhere = std::fopen("/dev/null", "w");
  std::string folder;
  {
    Session session(loaded, arms.empty() ? std::vector{own_arm(loaded.config)} : arms, "",
                    std::nullopt, {}, nowhere);
    session.run();
    folder = session.folder();
  }
  std::fclose(nowhere);
  return folder;
}

void check_own(const TrainedRun& run) {
  const Venue venue = venue_of(run.loaded, 1'000'000);
  for (const TrainedArm& arm : run.arms) {
    CAPTURE(arm.options.name);
    const Price price = price_arm(arm, venue), own = own_price(arm);
    REQUIRE(price.problem.empty());
    CHECK(price.time == own.time);
    CHECK(price.waited == own.waited);
    CHECK(price.payload == own.payload);
    CHECK(price.wire == own.wire);
    CHECK(price.rounds == own.rounds);
  }
}

TEST_CASE("on its own network a run has its own price to the nanosecond", "[price]") {
  const std::vector<std::vector<std::string>> rows = {
      {"--run.strategy", "diloco"},
      {"--run.strategy", "data_parallel"},
      {"--run.strategy", "local"},
      {"--collective.algorithm", "gather", "--islands", "3"},
      {"--collective.algorithm", "ring", "--collective.codec", "bf16"},
      {"--collective.algorithm", "star", "--collective.codec", "int8"},
      {"--collective.codec", "int8", "--collective.result", "fp32", "--run.strategy",
       "data_parallel"},
      {"--compute.jitter", "20%", "--pretrain.steps", "7", "--inner.optimizer", "adamw"},
      {"--compute.jitter", "20%", "--run.strategy", "data_parallel", "--network.tcp", "bbr"},
      {"--data_parallel.missing", "shrink", "--run.strategy", "data_parallel"},
      {"--compute.device", "a100", "--compute.flops_per_step", "1e13"},
      {"--network.kind", "pipe"},
  };
  for (std::vector<std::string> changes : rows) {
    CAPTURE(changes);
    changes.insert(changes.end(), {"--rounds", "4", "--eval.every", "2"});
    const TemporaryFolder out;
    check_own(read_trained_run(run_folder(out, "quadratic", changes)));
  }
}

TEST_CASE("each arm of a demo has its own price", "[price]") {
  const TemporaryFolder out;
  const std::vector<std::string> changes{"--rounds", "3", "--pretrain.steps", "5"};
  const RunConfig config = load_config(scenario_path("quadratic"), changes).config;
  const TrainedRun run = read_trained_run(run_folder(out, "quadratic", changes, demo_arms(config)));
  REQUIRE(run.arms.size() == 3);
  check_own(run);
}

TEST_CASE("on other links a run has the price of a run there", "[price]") {
  const TemporaryFolder out;
  for (const char* strategy : {"diloco", "data_parallel"}) {
    const std::vector<std::string> changes{"--rounds", "5", "--run.strategy", strategy};
    const TrainedRun here = read_trained_run(run_folder(out, "quadratic", changes));
    for (const char* links : {"home_dsl", "datacenter", "flaky_wifi", "outage"}) {
      CAPTURE(strategy, links);
      std::vector<std::string> moved = changes;
      moved.insert(moved.end(), {"--network.links", links_path(links)});
      const TrainedRun there = read_trained_run(run_folder(out, "quadratic", moved));
      const LoadedConfig settings = load_run(here.folder, {"--network.links", links_path(links)});
      const Price price = price_arm(here.arms.front(), venue_of(settings, 1'000'000));
      const TrainedArm& arm = there.arms.front();
      CHECK(price.time == arm.time);
      CHECK(price.waited == arm.waited);
      CHECK(price.wire == arm.wire);
      CHECK(arm.rows.back().held_out == here.arms.front().rows.back().held_out);
    }
  }
}

TEST_CASE("devices that are ten times as fast take a tenth of the time", "[price]") {
  const TemporaryFolder out;
  const TrainedRun slow =
      read_trained_run(run_folder(out, "quadratic", {"--rounds", "3", "--compute.step", "100ms"}));
  const TrainedRun fast =
      read_trained_run(run_folder(out, "quadratic", {"--rounds", "3", "--compute.step", "10ms"}));
  const Price price = price_arm(slow.arms.front(), venue_of(slow.loaded, 10'000'000));
  CHECK(price.time == fast.arms.front().time);
  CHECK(price.rounds == own_price(fast.arms.front()).rounds);
}

TEST_CASE("prices of many jobs stand in the order of the jobs", "[price]") {
  const TemporaryFolder out;
  const std::vector<std::string> changes{"--rounds", "3"};
  const RunConfig config = load_config(scenario_path("quadratic"), changes).config;
  const TrainedRun run = read_trained_run(run_folder(out, "quadratic", changes, demo_arms(config)));
  const Venue one = venue_of(run.loaded, 1'000'000), two = venue_of(run.loaded, 100'000);
  std::vector<PriceJob> jobs;
  for (const Venue* venue : {&one, &two}) {
    for (const TrainedArm& arm : run.arms) jobs.push_back({&arm, venue});
  }
  std::vector<int> told;  // workers tell one at a time
  const auto prices = price_all(jobs, [&](int done, int) { told.push_back(done); });
  CHECK(told == std::vector{1, 2, 3, 4, 5, 6});
  REQUIRE(prices.size() == 6);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CHECK(prices[i].time == price_arm(*jobs[i].arm, *jobs[i].venue).time);
  }
}

TEST_CASE("runs whose islands miss rounds are bound to their network", "[price]") {
  const TemporaryFolder out;
  const TrainedRun run = read_trained_run(run_folder(out, "volunteers", {"--rounds", "4"}));
  CHECK_FALSE(run.bound.empty());
}

TEST_CASE("a network on which islands would miss rounds has no price", "[price]") {
  const TemporaryFolder out;
  const TrainedRun run = read_trained_run(run_folder(out, "quadratic", {"--rounds", "6"}));
  write_file_atomically(out / "events.csv", "time,kind,subject,value\n700ms,island_kill,3,\n");
  const LoadedConfig churn = load_run(run.folder, {"--network.events", out / "events.csv"});
  CHECK_THAT(price_arm(run.arms.front(), venue_of(churn, 1'000'000)).problem,
             Catch::Contains("islands would miss rounds there (the first is "));
  write_file_atomically(out / "down.csv", "time,kind,subject,value\n300ms,link_down,2,\n");
  const LoadedConfig down = load_run(run.folder, {"--network.events", out / "down.csv"});
  CHECK_FALSE(price_arm(run.arms.front(), venue_of(down, 1'000'000)).problem.empty());
}

TEST_CASE("keys that train something else are refused", "[price]") {
  const TemporaryFolder out;
  const std::string folder = run_folder(out, "quadratic", {"--rounds", "2"});
  CHECK_THROWS_WITH(
      load_run(folder, {"--run.inner_steps", "30"}),
      Catch::Contains("run.inner_steps = 30: ") && Catch::Contains("was trained with 20"));
  CHECK_NOTHROW(load_run(folder, {"--network.tcp", "ideal", "--compute.step", "1s"}));
  std::filesystem::remove(folder + "/verdict.json");
  CHECK_THROWS_WITH(read_trained_run(folder), Catch::Contains("has not come to its end"));
  CHECK_THROWS_WITH(read_trained_run(out.path()), Catch::Contains("is no run's folder"));
}

TEST_CASE("the time to a loss is that of the first round which has it", "[price]") {
  PriceRow row{
      .run = "r", .arm = "a", .links = "l", .losses = {3.0, std::nullopt, 2.0, 1.5}, .price = {}};
  row.price.rounds = {Nanos{0}, Nanos{10}, Nanos{20}, Nanos{30}};
  CHECK(row.time_to(2.5) == Nanos{20});
  CHECK(row.time_to(1.5) == Nanos{30});
  CHECK_FALSE(row.time_to(1.0));
  CHECK(row.loss() == 1.5);
  row.price.problem = "too far";
  CHECK_FALSE(row.time_to(2.5));
  CHECK_THAT(price_text({row}, 2.0), Catch::Contains("no price of r a on l: too far"));
  CHECK_THAT(price_csv({row}, 2.0), Catch::Contains("r,a,l,1x,0,1.5,,,,,,2,,too far\n"));
}

}  // namespace
}  // namespace strait
