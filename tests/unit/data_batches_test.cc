#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "core/base/errors.h"
#include "core/base/rng.h"
#include "core/train/data/batches.h"
#include "tests/support/catch.h"
#include "tests/unit/data_test_folder.h"

namespace strait {
namespace {

constexpr std::int32_t kContext = 16;

Tokens random_bytes(std::size_t count, Rng& rng) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < count) bytes.push_back(static_cast<std::uint8_t>(rng.below(256)));
  return Tokens(std::move(bytes));
}

/// The one piece of a text in memory.
TokenSpan all_of(const Tokens& tokens) {
  return tokens.pieces().empty() ? TokenSpan() : tokens.pieces().front();
}

/// Sources of the given sizes, random bytes.
Corpus corpus_of(const std::vector<std::size_t>& train_sizes, std::size_t held_out = 1000) {
  Corpus corpus;
  for (std::size_t i = 0; i < train_sizes.size(); ++i) {
    Source source;
    source.name = fmt::format("s{}", i);
    Rng rng(9, "text", i);
    source.train = random_bytes(train_sizes[i], rng);
    source.held_out = random_bytes(held_out, rng);
    corpus.sources.push_back(std::move(source));
  }
  return corpus;
}

BatchOptions options_of(Split split, std::int32_t islands) {
  return {.split = split, .islands = islands, .sequences = 4, .context = kContext, .seed = 5};
}

/// Source and offset of a window; fails the test if it lies outside every source.
std::pair<std::size_t, std::size_t> place_of(Window window, const Corpus& corpus) {
  for (std::size_t i = 0; i < corpus.sources.size(); ++i) {
    const TokenSpan train = all_of(corpus.sources[i].train);
    const std::less_equal<const std::uint8_t*> no_later;
    if (no_later(train.data(), window.data()) &&
        no_later(window.data() + window.size(), train.data() + train.size())) {
      return {i, static_cast<std::size_t>(window.data() - train.data())};
    }
  }
  FAIL("a window outside the corpus");
  return {};
}

TEST_CASE("a batch depends on seed, island and step only, not on what was asked before", "[data]") {
  const Corpus corpus = corpus_of({5000, 3000});
  for (const Split split : {Split::kMixed, Split::kBySource}) {
    const Batches one(corpus, options_of(split, 4)), two(corpus, options_of(split, 4));
    const std::size_t size = 4 * kContext;
    std::vector<std::int64_t> inputs(size), targets(size), again(size), unused(size);
    for (std::int64_t step = 0; step < 60; ++step) {
      for (std::int32_t island = 0; island < 4; ++island) {
        one.fill(island, step, inputs, targets);
        two.fill(3 - island, 59 - step, again, unused);  // another order
        two.fill(island, step, again, unused);
        REQUIRE(inputs == again);
        REQUIRE(targets == unused);
      }
    }
    BatchOptions other = options_of(split, 4);
    other.seed = 6;
    Batches(corpus, other).fill(0, 0, again, unused);
    one.fill(0, 0, inputs, targets);
    CHECK(inputs != again);
  }
}

TEST_CASE("targets are the bytes after the inputs", "[data]") {
  const Corpus corpus = corpus_of({5000});
  const Batches batches(corpus, options_of(Split::kMixed, 1));
  std::vector<std::int64_t> inputs(4 * kContext), targets(4 * kContext);
  batches.fill(0, 3, inputs, targets);
  const auto windows = batches.windows(0, 3);
  REQUIRE(windows.size() == 4);
  for (std::size_t row = 0; row < 4; ++row) {
    REQUIRE(windows[row].size() == kContext + 1);
    for (std::size_t t = 0; t < kContext; ++t) {
      CHECK(inputs[row * kContext + t] == windows[row][t]);
      CHECK(targets[row * kContext + t] == windows[row][t + 1]);
    }
  }
}

TEST_CASE("islands share no window within an epoch and meet nearly all of the text", "[data]") {
  const Corpus corpus = corpus_of({5000, 3000, 4000});
  for (const Split split : {Split::kMixed, Split::kBySource}) {
    for (const std::int32_t islands : {1, 3, 4, 5}) {
      const Batches batches(corpus, options_of(split, islands));
      std::map<std::pair<std::size_t, std::size_t>, int> times;
      for (std::int32_t island = 0; island < islands; ++island) {
        const std::int64_t steps = batches.windows_per_epoch(island) / 4;
        for (std::int64_t step = 0; step < steps; ++step) {
          for (const auto& window : batches.windows(island, step)) {
            const auto place = place_of(window, corpus);
            CHECK(place.second % kContext == 0);
            if (split == Split::kBySource)
              CHECK(place.first == static_cast<std::size_t>(island % 3));
            ++times[place];
          }
        }
      }
      CHECK(std::all_of(times.begin(), times.end(), [](const auto& t) { return t.second == 1; }));
      const std::size_t pools = split == Split::kMixed ? 3 : std::min(islands, 3);
      const std::size_t all = pools * ((3000 - 1) / kContext);
      CHECK(times.size() <= all);
      CHECK(times.size() + static_cast<std::size_t>(islands) * 4 > all);
    }
  }
}

TEST_CASE("every source gives as many windows as the smallest, spread over its text", "[data]") {
  const Corpus corpus = corpus_of({50'000, 3201, 4000});
  const Batches batches(corpus, options_of(Split::kMixed, 1));
  CHECK(batches.windows_per_epoch(0) == 600);
  std::map<std::size_t, std::set<std::size_t>> offsets;
  for (std::int64_t step = 0; step < 150; ++step) {
    for (const auto& window : batches.windows(0, step)) {
      const auto [source, offset] = place_of(window, corpus);
      offsets[source].insert(offset);
    }
  }
  for (const auto& [source, seen] : offsets) CHECK(seen.size() == 200);
  CHECK(*offsets[0].rbegin() > 49'000);
  CHECK(*offsets[1].rbegin() == 3184);  // the last window ends with the text
}

TEST_CASE("the next epoch has the same windows in another order", "[data]") {
  const Corpus corpus = corpus_of({kContext * 10 + 1});
  const Batches batches(corpus, options_of(Split::kMixed, 1));  // 10 windows, 4 a step
  std::vector<std::size_t> draws;
  for (std::int64_t step = 0; step < 10; ++step) {
    for (const auto& window : batches.windows(0, step)) {
      draws.push_back(place_of(window, corpus).second);
    }
  }
  std::set<std::vector<std::size_t>> orders;
  for (auto it = draws.begin(); it != draws.end(); it += 10) {
    CHECK(std::set<std::size_t>(it, it + 10).size() == 10);
    orders.emplace(it, it + 10);
  }
  CHECK(orders.size() == 4);
}

// Run under the thread sanitizer too: islands are at different epochs here.
TEST_CASE("islands may fill at the same time from one object", "[data]") {
  const Corpus corpus = corpus_of({3000, 3000});
  const Batches batches(corpus, options_of(Split::kMixed, 4));
  const auto sums_of = [&](std::int32_t island) {
    std::vector<std::int64_t> inputs(4 * kContext), targets(4 * kContext), sums;
    for (std::int64_t step = 0; step < 100; ++step) {
      batches.fill(island, step * (island + 1), inputs, targets);
      sums.insert(sums.end(), inputs.begin(), inputs.end());
    }
    return sums;
  };
  std::vector<std::vector<std::int64_t>> together(4);
  {
    std::vector<std::jthread> threads;
    for (std::int32_t island = 0; island < 4; ++island) {
      threads.emplace_back(
          [&, island] { together[static_cast<std::size_t>(island)] = sums_of(island); });
    }
  }
  for (std::int32_t island = 0; island < 4; ++island) {
    CHECK(together[static_cast<std::size_t>(island)] == sums_of(island));
  }
}

TEST_CASE("held-out windows are spread evenly and come from held-out text only", "[data]") {
  const Corpus corpus = corpus_of({2000, 2000}, /*held_out=*/1001);
  const auto held_out = held_out_windows(corpus, 10, kContext);
  REQUIRE(held_out.size() == 2);
  CHECK(held_out[1].name == "s1");
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(held_out[i].windows.size() == 10);
    const auto* begin = all_of(corpus.sources[i].held_out).data();
    for (std::size_t w = 0; w < 10; ++w) {
      CHECK(held_out[i].windows[w].size() == kContext + 1);
      CHECK(held_out[i].windows[w].data() - begin == static_cast<std::ptrdiff_t>(w * 62 / 10 * 16));
    }
  }
  CHECK(held_out_windows(corpus, 62, kContext)[0].windows.size() == 62);
}

TEST_CASE("too little text says how much there is and how much is needed", "[data]") {
  const Corpus corpus = corpus_of({5000, 100}, 100);
  const std::string fix = "; add text or use fewer islands, sequences or held-out windows";
  CHECK(user_error_of([&] { held_out_windows(corpus, 7, kContext); }) ==
        "too little held-out text in source 's0': 100 tokens, 113 needed (7 windows of 16)" + fix);
  CHECK(user_error_of([&] { Batches(corpus, options_of(Split::kMixed, 4)); }) ==
        "too little training text in source 's1': 100 tokens, which leaves island 0 of 4 with 3 "
        "windows of 16 for batches of 4" +
            fix);
  CHECK(user_error_of([&] { Batches(corpus, options_of(Split::kMixed, 3)); }) == "");
  CHECK(user_error_of([&] { Batches(corpus, options_of(Split::kBySource, 2)); }) == "");
  CHECK(user_error_of([&] { Batches(corpus, options_of(Split::kBySource, 4)); }) ==
        "too little training text in source 's1': 100 tokens, which leaves island 0 of 4 with 3 "
        "windows of 16 for batches of 4" +
            fix);
  CHECK(user_error_of([&] {
          Batches(corpus_of({0}), options_of(Split::kMixed, 1));
        }).find("0 tokens") != std::string::npos);
}

/// How many windows of an island's epoch are in each source.
std::map<std::size_t, std::int64_t> sources_of(const Batches& batches, std::int32_t island) {
  std::map<std::size_t, std::int64_t> counts;
  for (std::int64_t i = 0; i < batches.windows_per_epoch(island); ++i) {
    ++counts[batches.owned(island, i).source];
  }
  return counts;
}

TEST_CASE("by size an island has the share that it was given", "[data]") {
  const Corpus corpus = corpus_of({16 * 400 + 1, 16 * 500 + 1});
  BatchOptions options = options_of(Split::kBySize, 4);
  options.sizes = {4, 2, 1, 1};
  const Batches batches(corpus, options);
  CHECK(batches.windows_per_epoch(0) == 400);
  CHECK(batches.windows_per_epoch(1) == 200);
  CHECK(batches.windows_per_epoch(2) == 100);
  CHECK(batches.windows_per_epoch(3) == 100);
  std::set<std::pair<std::size_t, std::int64_t>> seen;
  for (std::int32_t island = 0; island < 4; ++island) {
    for (std::int64_t i = 0; i < batches.windows_per_epoch(island); ++i) {
      const auto place = batches.owned(island, i);
      CHECK(seen.emplace(place.source, place.window).second);
    }
    // About as much of each source: the deal is random.
    const auto counts = sources_of(batches, island);
    CHECK(counts.at(0) > batches.windows_per_epoch(island) / 3);
    CHECK(counts.at(1) > batches.windows_per_epoch(island) / 3);
  }
  CHECK(seen.size() == 800);
}

TEST_CASE("mixing is the fraction of an island's windows that comes from all sources", "[data]") {
  const Corpus corpus = corpus_of({16 * 1000 + 1, 16 * 1000 + 1, 16 * 1000 + 1, 16 * 1000 + 1});
  for (const double mixing : {0.0, 0.25, 0.5, 1.0}) {
    for (const std::int32_t islands : {2, 4, 8}) {
      INFO("mixing " << mixing << ", islands " << islands);
      BatchOptions options = options_of(Split::kBySource, islands);
      options.mixing = mixing;
      const Batches batches(corpus, options);
      std::set<std::pair<std::size_t, std::int64_t>> seen;
      std::int64_t all = 0;
      for (std::int32_t island = 0; island < islands; ++island) {
        const auto windows = static_cast<double>(batches.windows_per_epoch(island));
        auto counts = sources_of(batches, island);
        const double own = static_cast<double>(counts[static_cast<std::size_t>(island % 4)]);
        CHECK(own / windows == Approx(1 - mixing + mixing / 4).margin(0.06));
        all += batches.windows_per_epoch(island);
        for (std::int64_t i = 0; i < batches.windows_per_epoch(island); ++i) {
          const auto place = batches.owned(island, i);
          seen.emplace(place.source, place.window);
        }
      }
      CHECK(std::ssize(seen) == all);
      if (islands >= 4) CHECK(all > 4000 - 3 * islands);
    }
  }
}

TEST_CASE("tokens of two bytes in several pieces make windows within the pieces", "[data]") {
  std::vector<std::uint16_t> first, second;
  for (std::uint16_t i = 0; i < 50; ++i) first.push_back(static_cast<std::uint16_t>(1000 + i));
  for (std::uint16_t i = 0; i < 33; ++i) second.push_back(static_cast<std::uint16_t>(40'000 + i));
  Corpus corpus;
  corpus.is_bytes = false;
  corpus.sources.resize(1);
  const Tokens one(first), two(second);
  Tokens& train = corpus.sources[0].train;
  train.append(nullptr, all_of(one));
  train.append(nullptr, all_of(two));
  REQUIRE(train.size() == 83);
  const Windows windows(train, kContext);
  REQUIRE(windows.count() == 5);  // 3 and 2
  CHECK(windows[2][0] == 1032);
  CHECK(windows[2][16] == 1048);
  CHECK(windows[3][0] == 40'000);
  CHECK(windows[4][16] == 40'032);
  CHECK(windows.spread(1, 2)[0] == 1032);
  BatchOptions options = options_of(Split::kMixed, 1);
  options.sequences = 5;
  std::vector<std::int64_t> inputs(5 * kContext), targets(5 * kContext);
  Batches(corpus, options).fill(0, 0, inputs, targets);
  for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(targets[i] == inputs[i] + 1);
}

}  // namespace
}  // namespace strait
