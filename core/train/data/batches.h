// Which bytes an island trains on at a step, and which bytes everyone is evaluated on.
//
// A source's training bytes are cut into windows of context + 1 bytes at stride `context` (byte t
// predicts byte t + 1, so every byte is a target once). Every source gives as many windows as the
// smallest one has, evenly spread over its text: the mixture is uniform over sources. The windows
// of a pool are dealt in the order of one seeded permutation per epoch, to each island its own
// part, so islands never share a window within an epoch; an island whose part is used up begins the
// next epoch.
//
// The batch of (seed, island, step) is a pure function, whatever the strategy asks for in between.
// Any thread may call fill; it computes at most one permutation (a millisecond per 100,000
// windows).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/data/corpus.h"

namespace strait {

/// context + 1 bytes of a corpus; valid as long as the corpus.
using Window = std::span<const std::uint8_t>;

enum class Split {
  kMixed,     // every island draws from all sources: the same distribution everywhere
  kBySource,  // island i draws from source i mod (number of sources) only; with fewer islands than
              // sources the last sources are never trained on, though held_out_windows has them
};

struct BatchOptions {
  Split split = Split::kMixed;  // the papers' i.i.d. setting; kBySource is their harder one
  std::int32_t islands = 1;
  std::int32_t sequences = 8;  // per island and step
  std::int32_t context = 128;  // bytes that the model sees
  std::uint64_t seed = 1;
};

/// Copies windows to row-major [windows, context] token numbers, `targets` one byte ahead of
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

  /// Windows that an island has until its next epoch begins.
  std::int64_t windows_per_epoch(std::int32_t island) const;

 private:
  /// What islands draw from: all sources, or one.
  struct Pool {
    std::string purpose;  // names the random sequence
    std::vector<Window> windows;
    std::int32_t islands = 0;  // how many share it
  };
  struct Place {
    std::size_t pool = 0;
    std::int32_t rank = 0;  // this island's number among those that share the pool
  };
  struct Order {
    std::int64_t epoch = -1;
    std::shared_ptr<const std::vector<std::uint32_t>> windows;
  };

  std::shared_ptr<const std::vector<std::uint32_t>> order(std::size_t pool,
                                                          std::int64_t epoch) const;

  BatchOptions options_;
  std::vector<Pool> pools_;
  std::vector<Place> places_;  // [island]
  mutable std::mutex mutex_;
  mutable std::vector<Order> orders_;  // [pool] the epoch asked for last; guarded by mutex_
};

struct HeldOutSource {
  std::string name;
  std::vector<Window> windows;
};

/// `windows_per_source` windows of each source's held-out text, evenly spread, without overlap of
/// targets; the same on every call. UserError if a source has too few.
std::vector<HeldOutSource> held_out_windows(const Corpus& corpus, std::int64_t windows_per_source,
                                            std::int32_t context);

}  // namespace strait
