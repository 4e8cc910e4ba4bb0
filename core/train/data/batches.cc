#include "core/train/data/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/rng.h"
#include "core/base/wide.h"

namespace strait {
namespace {

[[noreturn]] void too_little(const Source& source, const char* what, const Tokens& tokens,
                             const std::string& needed) {
  throw UserError(fmt::format(
      "too little {} text in source '{}': {} tokens, {}; add text or use fewer islands, sequences "
      "or held-out windows",
      what, source.name, tokens.size(), needed));
}

const Source& smallest(const Corpus& corpus) {
  STRAIT_CHECK(!corpus.sources.empty(), "a corpus without sources");
  return *std::min_element(
      corpus.sources.begin(), corpus.sources.end(),
      [](const Source& a, const Source& b) { return a.train.size() < b.train.size(); });
}

std::int64_t part_of(std::int64_t all, std::int64_t part, std::int64_t parts) {
  return static_cast<std::int64_t>(Wide{all} * part / parts);
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
    window.first(context).copy_to(inputs.subspan(at, context));
    window.subspan(1, context).copy_to(targets.subspan(at, context));
    at += context;
  }
  STRAIT_CHECK(at == inputs.size() && at == targets.size(), "{} tokens for inputs {}, targets {}",
               at, inputs.size(), targets.size());
}

Batches::Batches(const Corpus& corpus, const BatchOptions& options) : options_(options) {
  STRAIT_CHECK(options.islands > 0 && options.sequences > 0 && options.context > 0,
               "islands {}, sequences {}, context {}", options.islands, options.sequences,
               options.context);
  STRAIT_CHECK(options.mixing >= 0 && options.mixing <= 1, "mixing {}", options.mixing);
  for (const auto& source : corpus.sources) texts_.emplace_back(source.train, options.context);
  const auto fewest =
      std::min_element(texts_.begin(), texts_.end(),
                       [](const Windows& a, const Windows& b) { return a.count() < b.count(); });
  STRAIT_CHECK(fewest != texts_.end(), "a corpus without sources");
  per_source_ = fewest->count();
  shares_.resize(static_cast<std::size_t>(options.islands));
  if (per_source_ == 0)
    too_little(smallest(corpus), "training", smallest(corpus).train, "no window");
  for (std::size_t s = 0; s < texts_.size(); ++s) {
    sources_.emplace_back(per_source_, Rng(options.seed, "batches.source", s));
  }
  if (options.split == Split::kBySource) deal_by_source();
  if (options.split == Split::kBySize) deal_mixed(options.sizes);
  if (options.split == Split::kMixed) deal_mixed(std::vector<std::int64_t>(shares_.size(), 1));
  check_shares(corpus);
}

void Batches::deal_mixed(const std::vector<std::int64_t>& sizes) {
  STRAIT_CHECK(sizes.size() == shares_.size(), "{} sizes for {} islands", sizes.size(),
               shares_.size());
  mixed_ = per_source_;
  const std::int64_t all = mixed_ * static_cast<std::int64_t>(texts_.size());
  const std::int64_t parts = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    shares_[i] = {.mixed_begin = begin, .mixed_count = part_of(all, sizes[i], parts)};
    begin += shares_[i].mixed_count;
  }
  deal_.emplace_back(all, Rng(options_.seed, "batches.deal"));
}

// Each of S sources puts c of its W windows into the common heap, so that the part m of what an
// island gets comes from there. With k islands at a source, each of these has (W - c) / k of its
// own and needs m / (1 - m) times as many of the heap's S c windows. Summed over the islands at U
// sources: U (W - c) m / (1 - m) = S c, so c = m W U / ((1 - m) S + m U).
void Batches::deal_by_source() {
  const auto sources = static_cast<std::int64_t>(texts_.size());
  const std::int64_t used = std::min<std::int64_t>(options_.islands, sources);
  const double m = options_.mixing;
  mixed_ = static_cast<std::int64_t>(
      m * static_cast<double>(per_source_) * static_cast<double>(used) /
      ((1 - m) * static_cast<double>(sources) + m * static_cast<double>(used)));
  const std::int64_t own = per_source_ - mixed_;
  std::int64_t begin = 0;
  for (std::int64_t island = 0; island < options_.islands; ++island) {
    const std::int64_t source = island % sources, rank = island / sources;
    const std::int64_t at_source = (options_.islands - source + sources - 1) / sources;
    Share& share = shares_[static_cast<std::size_t>(island)];
    share.source = static_cast<std::size_t>(source);
    share.own_count = own / at_source;
    share.own_begin = mixed_ + rank * share.own_count;
    share.mixed_count = mixed_ * sources / (used * at_source);
    share.mixed_begin = begin;
    begin += share.mixed_count;
  }
  if (mixed_ > 0) deal_.emplace_back(mixed_ * sources, Rng(options_.seed, "batches.deal"));
}

void Batches::check_shares(const Corpus& corpus) const {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (shares_[i].count() >= options_.sequences) continue;
    const Source& source = smallest(corpus);
    too_little(
        source, "training", source.train,
        fmt::format("which leaves island {} of {} with {} windows of {} for batches of {}", i,
                    shares_.size(), shares_[i].count(), options_.context, options_.sequences));
  }
}

const Batches::Share& Batches::share_of(std::int32_t island) const {
  STRAIT_CHECK(island >= 0 && island < options_.islands, "island {} of {}", island,
               options_.islands);
  return shares_[static_cast<std::size_t>(island)];
}

std::int64_t Batches::windows_per_epoch(std::int32_t island) const {
  return share_of(island).count();
}

Batches::Place Batches::owned(std::int32_t island, std::int64_t i) const {
  const Share& share = share_of(island);
  STRAIT_CHECK(i >= 0 && i < share.count(), "window {} of {}", i, share.count());
  if (i >= share.mixed_count) {
    return {share.source, sources_[share.source](share.own_begin + i - share.mixed_count)};
  }
  const std::int64_t dealt = deal_.front()(share.mixed_begin + i);
  const auto source = static_cast<std::size_t>(dealt / mixed_);
  return {source, sources_[source](dealt % mixed_)};
}

Window Batches::window(Place place) const {
  return texts_.at(place.source).spread(place.window, per_source_);
}

std::vector<Window> Batches::windows(std::int32_t island, std::int64_t step) const {
  STRAIT_CHECK(step >= 0, "step {}", step);
  const std::int64_t per_epoch = share_of(island).count();
  const auto order_of = [&](std::int64_t epoch) {
    const std::string purpose = fmt::format("batches.{}", island);
    return Permutation(per_epoch, Rng(options_.seed, purpose, static_cast<std::uint64_t>(epoch)));
  };
  std::int64_t epoch = step * options_.sequences / per_epoch;
  Permutation order = order_of(epoch);
  std::vector<Window> batch;
  batch.reserve(static_cast<std::size_t>(options_.sequences));
  for (std::int32_t row = 0; row < options_.sequences; ++row) {
    const std::int64_t draw = step * options_.sequences + row;
    if (draw / per_epoch != epoch) order = order_of(epoch = draw / per_epoch);
    batch.push_back(window(owned(island, order(draw % per_epoch))));
  }
  return batch;
}

void Batches::fill(std::int32_t island, std::int64_t step, std::span<std::int64_t> inputs,
                   std::span<std::int64_t> targets) const {
  copy_windows(windows(island, step), inputs, targets);
}

std::vector<HeldOutSource> held_out_windows(const Corpus& corpus, std::int64_t windows_per_source,
                                            std::int32_t context) {
  STRAIT_CHECK(windows_per_source > 0 && context > 0, "{} held-out windows of {}",
               windows_per_source, context);
  std::vector<HeldOutSource> result;
  for (const auto& source : corpus.sources) {
    const Windows there(source.held_out, context);
    if (there.count() < windows_per_source) {
      too_little(source, "held-out", source.held_out,
                 fmt::format("{} needed ({} windows of {})", windows_per_source * context + 1,
                             windows_per_source, context));
    }
    HeldOutSource held{.name = source.name, .windows = {}};
    for (std::int64_t i = 0; i < windows_per_source; ++i) {
      held.windows.push_back(there.spread(i, windows_per_source));
    }
    result.push_back(std::move(held));
  }
  return result;
}

double bytes_per_token(const Corpus& corpus, std::span<const HeldOutSource> windows) {
  std::int64_t bytes = 0, tokens = 0;
  for (const HeldOutSource& source : windows) {
    for (const Window& window : source.windows) {
      tokens += static_cast<std::int64_t>(window.size()) - 1;
      bytes += text_bytes(corpus, window.subspan(1, window.size() - 1)).value_or(0);
    }
  }
  return tokens == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(tokens);
}

}  // namespace strait
