// A model that only counts: the yardstick beside a language model's bits per byte.
//
// Order 2 over bytes, interpolated with orders 1, 0 and uniform by Witten and Bell's method (IEEE
// Trans. Inf. Theory 37(4), 1991, method C): with n occurrences of a context and u distinct bytes
// seen after it, P(c | context) = (count(c) + u * P(c | shorter context)) / (n + u). A context that
// was not seen leaves it to the shorter one. Every probability is above 0 and they sum to 1 over
// the 256 bytes.
//
// Fit it on what training consumed and score it on the windows that the language model is scored
// on: both then predict the same bytes from at most the window's own bytes before them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/train/data/batches.h"

namespace strait {

class CountModel {
 public:
  CountModel();

  /// Counts `next` after the last two bytes of `context` (or one, or none).
  void add(std::span<const std::uint8_t> context, std::uint8_t next);

  /// Counts every target of a window of byte text: its bytes but the first.
  void add_window(Window window);

  double probability(std::span<const std::uint8_t> context, std::uint8_t next) const;

  /// The mean of -log2 P over the targets of `windows`.
  double bits_per_byte(std::span<const Window> windows) const;

 private:
  struct Seen {
    std::uint32_t total = 0;     // occurrences of the context
    std::uint32_t distinct = 0;  // different bytes after it
  };
  static void count(Seen& seen, std::uint32_t& n);

  Seen seen0_;
  std::array<std::uint32_t, 256> count0_{};
  std::vector<Seen> seen1_, seen2_;                          // [byte], [two bytes]
  std::vector<std::uint32_t> count1_;                        // [byte, next]
  std::unordered_map<std::uint32_t, std::uint32_t> count2_;  // two bytes and next
};

/// The model of the windows that `steps` steps of all islands consumed. A window that later epochs
/// repeat counts once: a counting model gains nothing from hearing it again.
CountModel fit_count_model(const Batches& batches, std::int32_t islands, std::int64_t steps);

}  // namespace strait
