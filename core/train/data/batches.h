// Which tokens an island trains on at a step, and which everyone is evaluated on.
//
// A source's training tokens are cut into windows of context + 1 tokens at stride `context`, so
// that every token is a target once. Every source gives as many windows as the smallest one has,
// evenly spread over its text: the mixture is uniform over sources. A seeded permutation deals them
// to the islands: a window belongs to one island for the whole run. Another one per epoch is the
// order in which an island reads its own; who has read them all begins the next epoch.
//
// The batch of (seed, island, step) is a pure function, whatever the strategy asks for in between.
// Windows and permutations are computed, not stored: a corpus of any size needs no memory here.
// Any thread may call all of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/permutation.h"
#include "core/train/data/corpus.h"

namespace strait {

enum class Split {
  kMixed,     // every island draws from all sources: the same distribution everywhere
  kBySource,  // island i draws from source i mod (number of sources), but for the share `mixing`;
              // with fewer islands than sources the last sources are hardly or never trained on,
              // though held_out_windows has them
  kBySize,    // as kMixed, in unequal shares: epochs are as long as an island's share
};

struct BatchOptions {
  Split split = Split::kMixed;  // the papers' i.i.d. setting; kBySource is their harder one
  double mixing = 0;            // of kBySource: the share of an island's windows from all sources
  std::vector<std::int64_t> sizes = {};  // of kBySize: the islands' shares, in proportion
  std::int32_t islands = 1;
  std::int32_t sequences = 8;  // per island and step
  std::int32_t context = 128;  // tokens that the model sees
  std::uint64_t seed = 1;
};

/// Copies windows to row-major [windows, context] token numbers, `targets` one token ahead of
/// `inputs`.
void copy_windows(std::span<const Window> windows, std::span<std::int64_t> inputs,
                  std::span<std::int64_t> targets);

class Batches {
 public:
  /// `corpus` must outlive this. UserError if an island would have fewer windows than a batch
  /// needs.
  Batches(const Corpus& corpus, const BatchOptions& options);
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  /// The batch of `step` (from 0): row-major [sequences, context].
  void fill(std::int32_t island, std::int64_t step, std::span<std::int64_t> inputs,
            std::span<std::int64_t> targets) const;

  /// The same batch as windows.
  std::vector<Window> windows(std::int32_t island, std::int64_t step) const;

  /// Windows that an island has until its next epoch begins: all that are its own.
  std::int64_t windows_per_epoch(std::int32_t island) const;

  /// The i-th of the windows that an island owns, in no order of reading; and its source.
  struct Place {
    std::size_t source = 0;
    std::int64_t window = 0;  // of those that the source gives
  };
  Place owned(std::int32_t island, std::int64_t i) const;
  Window window(Place place) const;

 private:
  /// Of the windows of all sources that `mixing` puts together, and of those of its own source.
  struct Share {
    std::int64_t mixed_begin = 0, mixed_count = 0;
    std::size_t source = 0;
    std::int64_t own_begin = 0, own_count = 0;

    std::int64_t count() const { return mixed_count + own_count; }
  };

  void deal_mixed(const std::vector<std::int64_t>& sizes);
  void deal_by_source();
  void check_shares(const Corpus& corpus) const;
  const Share& share_of(std::int32_t island) const;

  BatchOptions options_;
  std::vector<Windows> texts_;        // [source]
  std::int64_t per_source_ = 0;       // windows that each gives
  std::int64_t mixed_ = 0;            // of these, how many are dealt to all islands
  std::vector<Permutation> sources_;  // [source] which of its windows come first
  std::vector<Permutation> deal_;     // of the mixed windows of all sources; none if there are none
  std::vector<Share> shares_;         // [island]
};

struct HeldOutSource {
  std::string name;
  std::vector<Window> windows;
};

/// `windows_per_source` windows of each source's held-out text, evenly spread, without overlap of
/// targets; the same on every call. UserError if a source has too few.
std::vector<HeldOutSource> held_out_windows(const Corpus& corpus, std::int64_t windows_per_source,
                                            std::int32_t context);

/// Bytes of text per token, over the targets of `windows`: what turns nats per token into bits per
/// byte. 1 for byte text, 0 where the tokens' text is not known.
double bytes_per_token(const Corpus& corpus, std::span<const HeldOutSource> windows);

}  // namespace strait
