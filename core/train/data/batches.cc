#include "core/train/data/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/rng.h"

namespace strait {
namespace {

std::int64_t windows_in(std::span<const std::uint8_t> bytes, std::int32_t context) {
  return bytes.empty() ? 0 : (static_cast<std::int64_t>(bytes.size()) - 1) / context;
}

/// `count` of the windows in `bytes`, at even distances.
std::vector<Window> spread_windows(std::span<const std::uint8_t> bytes, std::int64_t count,
                                   std::int32_t context) {
  const std::int64_t there = windows_in(bytes, context);
  STRAIT_CHECK(count <= there, "{} windows of {} asked for, {} there", count, context, there);
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto begin = static_cast<std::size_t>(i * there / count * context);
    windows.push_back(bytes.subspan(begin, static_cast<std::size_t>(context) + 1));
  }
  return windows;
}

[[noreturn]] void too_little(const Source& source, const char* what, std::size_t bytes,
                             std::int64_t needed_windows, std::int32_t context) {
  throw UserError(fmt::format(
      "too little {} text in source '{}': {} bytes, {} needed ({} windows of {}); add text or use "
      "fewer islands, sequences or held-out windows",
      what, source.name, bytes, needed_windows * context + 1, needed_windows, context));
}

const Source& smallest(const Corpus& corpus) {
  STRAIT_CHECK(!corpus.sources.empty(), "a corpus without sources");
  return *std::min_element(
      corpus.sources.begin(), corpus.sources.end(),
      [](const Source& a, const Source& b) { return a.train.size() < b.train.size(); });
}

}  // namespace

void copy_windows(std::span<const Window> windows, std::span<std::int64_t> inputs,
                  std::span<std::int64_t> targets) {
  std::size_t at = 0;
  for (const auto& window : windows) {
    const std::size_t context = window.size() - 1;
    STRAIT_CHECK(at + context <= inputs.size() && at + context <= targets.size(),
                 "no room for window at {}: inputs {}, targets {}", at, inputs.size(),
                 targets.size());
    std::copy(window.begin(), window.end() - 1, inputs.begin() + static_cast<std::ptrdiff_t>(at));
    std::copy(window.begin() + 1, window.end(), targets.begin() + static_cast<std::ptrdiff_t>(at));
    at += context;
  }
  STRAIT_CHECK(at == inputs.size() && at == targets.size(), "{} tokens for inputs {}, targets {}",
               at, inputs.size(), targets.size());
}

Batches::Batches(const Corpus& corpus, const BatchOptions& options) : options_(options) {
  STRAIT_CHECK(options.islands > 0 && options.sequences > 0 && options.context > 0,
               "islands {}, sequences {}, context {}", options.islands, options.sequences,
               options.context);
  const auto sources = static_cast<std::int32_t>(corpus.sources.size());
  const std::int64_t per_source = windows_in(smallest(corpus).train, options.context);
  const bool mixed = options.split == Split::kMixed;
  if (mixed) pools_.push_back({.purpose = "batches", .windows = {}, .islands = options.islands});
  for (const auto& source : corpus.sources) {
    if (!mixed)
      pools_.push_back({.purpose = "batches." + source.name, .windows = {}, .islands = 0});
    auto& pool = pools_.back().windows;
    const auto windows = spread_windows(source.train, per_source, options.context);
    pool.insert(pool.end(), windows.begin(), windows.end());
    STRAIT_CHECK(pool.size() <= std::numeric_limits<std::uint32_t>::max(), "{} windows",
                 pool.size());
  }
  for (std::int32_t island = 0; island < options.islands; ++island) {
    const auto pool = static_cast<std::size_t>(mixed ? 0 : island % sources);
    places_.push_back({.pool = pool, .rank = mixed ? island : pools_[pool].islands++});
  }
  orders_.resize(pools_.size());

  const std::int64_t sharing = mixed ? options.islands : (options.islands + sources - 1) / sources;
  const std::int64_t needed = sharing * options.sequences;
  const std::int64_t needed_per_source = mixed ? (needed + sources - 1) / sources : needed;
  if (per_source < needed_per_source) {
    const Source& source = smallest(corpus);
    too_little(source, "training", source.train.size(), needed_per_source, options.context);
  }
}

std::int64_t Batches::windows_per_epoch(std::int32_t island) const {
  const Pool& pool = pools_[places_.at(static_cast<std::size_t>(island)).pool];
  return static_cast<std::int64_t>(pool.windows.size()) / pool.islands;
}

std::vector<Window> Batches::windows(std::int32_t island, std::int64_t step) const {
  STRAIT_CHECK(island >= 0 && island < options_.islands && step >= 0, "island {} of {}, step {}",
               island, options_.islands, step);
  const Place place = places_[static_cast<std::size_t>(island)];
  const Pool& pool = pools_[place.pool];
  const std::int64_t per_epoch = windows_per_epoch(island);
  std::vector<Window> batch;
  batch.reserve(static_cast<std::size_t>(options_.sequences));
  std::int64_t epoch = -1;
  std::shared_ptr<const std::vector<std::uint32_t>> shuffled;
  for (std::int32_t row = 0; row < options_.sequences; ++row) {
    const std::int64_t draw = step * options_.sequences + row;
    if (draw / per_epoch != epoch) {
      epoch = draw / per_epoch;
      shuffled = order(place.pool, epoch);
    }
    const std::int64_t at = draw % per_epoch * pool.islands + place.rank;
    batch.push_back(pool.windows[(*shuffled)[static_cast<std::size_t>(at)]]);
  }
  return batch;
}

void Batches::fill(std::int32_t island, std::int64_t step, std::span<std::int64_t> inputs,
                   std::span<std::int64_t> targets) const {
  copy_windows(windows(island, step), inputs, targets);
}

std::shared_ptr<const std::vector<std::uint32_t>> Batches::order(std::size_t pool,
                                                                 std::int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  Order& kept = orders_[pool];
  if (kept.epoch != epoch) {
    Rng rng(options_.seed, pools_[pool].purpose, static_cast<std::uint64_t>(epoch));
    const auto count = static_cast<std::uint32_t>(pools_[pool].windows.size());
    kept = {epoch, std::make_shared<const std::vector<std::uint32_t>>(permutation(count, rng))};
  }
  return kept.windows;
}

std::vector<HeldOutSource> held_out_windows(const Corpus& corpus, std::int64_t windows_per_source,
                                            std::int32_t context) {
  STRAIT_CHECK(windows_per_source > 0 && context > 0, "{} held-out windows of {}",
               windows_per_source, context);
  std::vector<HeldOutSource> result;
  for (const auto& source : corpus.sources) {
    if (windows_in(source.held_out, context) < windows_per_source) {
      too_little(source, "held-out", source.held_out.size(), windows_per_source, context);
    }
    result.push_back({source.name, spread_windows(source.held_out, windows_per_source, context)});
  }
  return result;
}

}  // namespace strait
