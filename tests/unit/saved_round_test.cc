// Checkpoints on disk: what is read is what was written, damage is named, and a crash at any moment
// leaves whole ones only.
#include "core/train/saved_round.h"

#include <filesystem>
#include <limits>

#include "core/base/files.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

ParameterLayout small_layout() {
  ParameterLayout layout;
  layout.add("one.weight", {2, 3}, 0, true);
  layout.add("one.bias", {3}, 0, false);
  return layout;
}

/// Padding is zero.
std::vector<float> flat(const ParameterLayout& layout, float first) {
  std::vector<float> values(static_cast<std::size_t>(layout.size()));
  for (const Parameter& p : layout.parameters()) {
    for (std::int64_t i = 0; i < p.size; ++i) {
      values[static_cast<std::size_t>(p.offset + i)] = first + static_cast<float>(i);
    }
  }
  return values;
}

SavedRound sample(const ParameterLayout& layout, std::uint32_t round) {
  const auto r = static_cast<float>(round);
  SavedRound saved{.title = {.arm = "diloco",
                             .strategy = "diloco",
                             .round = round,
                             .rounds = 60,
                             .step = 20 * round,
                             .time = Nanos{123'456'789},
                             .loss = 0.1 + round,
                             .held_out = std::nullopt,
                             .settings = "0123456789abcdef",
                             .data = "none",
                             .program = "test",
                             .gpt = GptOptions{}},
                   .shared = flat(layout, r),
                   .outer = {{"momentum", flat(layout, r + 0.5f)}},
                   .islands = {},
                   .history = {},
                   .tokenizer = round % 2 == 0 ? "{\"version\": \"1.0\"}" : ""};
  const std::vector<SavedBuffer> inner{{"m", flat(layout, -r)}, {"v", flat(layout, 2 * r)}};
  saved.islands.push_back({.island = 0, .inner = inner, .steps = 7});
  saved.islands.push_back({.island = 1, .inner = inner, .steps = 7});
  saved.islands.push_back({.island = 2,
                           .life = 1,
                           .reports = 3,
                           .parameters = flat(layout, 100 + r),
                           .inner = inner,
                           .steps = 5});
  saved.history = {{.lives = 1,
                    .reports = {{0.1, true, Nanos{5}},
                                {std::numeric_limits<double>::quiet_NaN(), false, Nanos{6}},
                                {-std::numeric_limits<double>::infinity(), true, Nanos{7}}},
                    .evaluations = {{{"loss.en", 1.0 / 3}}, {}}},
                   {},
                   {.lives = 2, .reports = {}, .evaluations = {}}};
  return saved;
}

void check_equal(const SavedRound& a, const SavedRound& b) {
  CHECK(a.title.round == b.title.round);
  CHECK(a.title.time == b.title.time);
  CHECK(a.title.loss == b.title.loss);
  CHECK(a.title.held_out == b.title.held_out);
  CHECK(a.title.settings == b.title.settings);
  CHECK(a.title.gpt.has_value() == b.title.gpt.has_value());
  CHECK(same_bits(a.shared, b.shared));
  CHECK(a.tokenizer == b.tokenizer);
  REQUIRE(a.outer.size() == b.outer.size());
  for (std::size_t i = 0; i < a.outer.size(); ++i) {
    CHECK(a.outer[i].name == b.outer[i].name);
    CHECK(same_bits(a.outer[i].values, b.outer[i].values));
  }
  REQUIRE(a.islands.size() == b.islands.size());
  for (std::size_t i = 0; i < a.islands.size(); ++i) {
    const SavedIsland &x = a.islands[i], &y = b.islands[i];
    CHECK(x.island == y.island);
    CHECK(x.life == y.life);
    CHECK(x.reports == y.reports);
    CHECK(x.steps == y.steps);
    CHECK(same_bits(x.parameters, y.parameters));
    REQUIRE(x.inner.size() == y.inner.size());
    for (std::size_t s = 0; s < x.inner.size(); ++s) {
      CHECK(x.inner[s].name == y.inner[s].name);
      CHECK(same_bits(x.inner[s].values, y.inner[s].values));
    }
  }
  REQUIRE(a.history.size() == b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    CHECK(a.history[i].lives == b.history[i].lives);
    REQUIRE(a.history[i].reports.size() == b.history[i].reports.size());
    for (std::size_t k = 0; k < a.history[i].reports.size(); ++k) {
      const SavedReport &x = a.history[i].reports[k], &y = b.history[i].reports[k];
      CHECK(std::bit_cast<std::uint64_t>(x.loss) == std::bit_cast<std::uint64_t>(y.loss));
      CHECK(x.finite == y.finite);
      CHECK(x.now == y.now);
    }
    REQUIRE(a.history[i].evaluations.size() == b.history[i].evaluations.size());
    for (std::size_t k = 0; k < a.history[i].evaluations.size(); ++k) {
      REQUIRE(a.history[i].evaluations[k].size() == b.history[i].evaluations[k].size());
      for (std::size_t m = 0; m < a.history[i].evaluations[k].size(); ++m) {
        CHECK(a.history[i].evaluations[k][m].value == b.history[i].evaluations[k][m].value);
      }
    }
  }
}

std::string refused(FolderStorage& storage, const std::string& name,
                    const ParameterLayout& layout) {
  try {
    read_saved_round(storage, "run", name, layout);
  } catch (const UserError& error) {
    return error.what();
  }
  return "read";
}

TEST_CASE("a checkpoint is read as it was written", "[checkpoint]") {
  const ParameterLayout layout = small_layout();
  const TemporaryFolder folder;
  FileStorage files(folder.path());
  SimulatedStorage memory;
  for (FolderStorage* storage :
       {static_cast<FolderStorage*>(&files), static_cast<FolderStorage*>(&memory)}) {
    write_saved_round(*storage, "000004", sample(layout, 4), layout);
    write_saved_round(*storage, "000004", sample(layout, 5), layout);  // replaces
    write_saved_round(*storage, "000010", sample(layout, 10), layout);
    CHECK(saved_rounds(*storage) == std::vector<std::string>{"000004", "000010"});
    check_equal(read_saved_round(*storage, "run", "000004", layout), sample(layout, 5));
    check_equal(read_saved_round(*storage, "run", "000010", layout), sample(layout, 10));
    // Islands 0 and 1 have the same state, so one file.
    const auto names = storage->list("000004");
    CHECK(names == std::vector<std::string>{"history.json", "island_000.safetensors",
                                            "island_002_life_1.safetensors", "manifest.json",
                                            "outer.safetensors", "shared.safetensors"});
    remove_saved_round(*storage, "000004");
    CHECK(storage->list("") == std::vector<std::string>{"000010"});
  }
}

TEST_CASE("what is damaged in a checkpoint is named", "[checkpoint]") {
  const ParameterLayout layout = small_layout();
  const TemporaryFolder folder;
  FileStorage storage(folder.path());
  const auto fresh = [&] { write_saved_round(storage, "000004", sample(layout, 4), layout); };
  fresh();
  for (const std::string& file : storage.list("000004")) {
    INFO(file);
    const std::string path = folder / "000004/" + file, whole = read_file(path);
    std::string flipped = whole;
    flipped[whole.size() / 2] ^= 1;
    write_file_atomically(path, flipped);
    CHECK(refused(storage, "000004", layout) != "read");
    if (file != "manifest.json") {
      CHECK_THAT(refused(storage, "000004", layout),
                 Catch::Matchers::StartsWith("run/000004: " + file + " is damaged: its hash is "));
    }
    write_file_atomically(path, whole.substr(0, whole.size() / 2));
    if (file == "manifest.json") {
      CHECK_THAT(refused(storage, "000004", layout),
                 Catch::Matchers::StartsWith("run/000004/manifest.json: damaged: "));
    } else {
      CHECK_THAT(refused(storage, "000004", layout),
                 Catch::Matchers::StartsWith("run/000004: " + file + " has "));
    }
    std::filesystem::remove(path);
    CHECK_THAT(refused(storage, "000004", layout),
               Catch::Matchers::StartsWith(file == "manifest.json"
                                               ? "run/000004: no manifest.json: it was not written"
                                               : "run/000004: " + file + " is missing"));
    fresh();
  }
}

TEST_CASE("a checkpoint of another model names the tensor and both shapes", "[checkpoint]") {
  const ParameterLayout layout = small_layout();
  SimulatedStorage storage;
  write_saved_round(storage, "000004", sample(layout, 4), layout);
  ParameterLayout wider;
  wider.add("one.weight", {2, 4}, 0, true);
  CHECK(refused(storage, "000004", wider) ==
        "run/000004/shared.safetensors: tensor one.weight is [2, 3] where the model has [2, 4]");
  ParameterLayout other;
  other.add("two.weight", {2, 3}, 0, true);
  CHECK(refused(storage, "000004", other) == "run/000004/shared.safetensors: no tensor two.weight");
}

struct Crash {};

/// Dies before the n-th thing that it is asked to do.
class MortalStorage final : public SimulatedStorage {
 public:
  void die_after(std::int64_t operations) { left_ = operations; }
  void live_on() { left_ = std::numeric_limits<std::int64_t>::max(); }

  void append(const std::string& file, std::span<const std::byte> bytes) override {
    count();
    SimulatedStorage::append(file, bytes);
  }
  Nanos sync(const std::string& file) override {
    count();
    return SimulatedStorage::sync(file);
  }
  void rename(const std::string& from, const std::string& to) override {
    count();
    SimulatedStorage::rename(from, to);
  }
  void make_folder(const std::string& folder) override {
    count();
    SimulatedStorage::make_folder(folder);
  }
  /// One file after the other.
  void remove(const std::string& name) override {
    for (const std::string& file : list(name)) {
      count();
      SimulatedStorage::remove(name + "/" + file);
    }
    count();
    SimulatedStorage::remove(name);
  }

 private:
  void count() {
    if (left_-- == 0) throw Crash{};
  }
  std::int64_t left_ = std::numeric_limits<std::int64_t>::max();
};

TEST_CASE("a crash at any moment leaves whole checkpoints only", "[checkpoint]") {
  const std::uint64_t seed = test_seed();
  const ParameterLayout layout = small_layout();
  std::int64_t moments = 0;
  for (bool finished = false; !finished; ++moments) {
    for (std::uint64_t torn = 0; torn < 8; ++torn) {
      INFO("seed " << seed << ", crash after " << moments << ", " << torn);
      Rng rng(seed, "crash", torn);
      MortalStorage storage;
      write_saved_round(storage, "000002", sample(layout, 2), layout);
      storage.die_after(moments);
      finished = true;
      try {
        write_saved_round(storage, "000004", sample(layout, 4), layout);
        remove_saved_round(storage, "000002");
      } catch (const Crash&) {
        finished = false;
      }
      storage.live_on();
      if (torn == 0) {
        storage.crash();
      } else {
        storage.crash_with_torn_tails(rng);
      }
      remove_leftovers(storage);
      const auto names = saved_rounds(storage);
      REQUIRE_FALSE(names.empty());
      for (const std::string& name : names) {
        INFO(name);
        check_equal(read_saved_round(storage, "run", name, layout),
                    sample(layout, name == "000002" ? 2 : 4));
      }
      CHECK(storage.list("") == names);
      // And the next one can be written.
      write_saved_round(storage, "000004", sample(layout, 4), layout);
      check_equal(read_saved_round(storage, "run", "000004", layout), sample(layout, 4));
    }
  }
  CHECK(moments > 30);
}

}  // namespace
}  // namespace strait
