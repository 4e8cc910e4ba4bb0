#include "core/train/data/count_model.h"

#include <cmath>
#include <unordered_set>

#include "core/base/check.h"

namespace strait {
namespace {

/// Method C, one level: `shorter` is the probability that the shorter context gives.
double interpolate(double count, double total, double distinct, double shorter) {
  return total == 0 ? shorter : (count + distinct * shorter) / (total + distinct);
}

std::size_t last_byte(std::span<const std::uint8_t> context) { return context.back(); }

std::size_t last_two(std::span<const std::uint8_t> context) {
  return std::size_t{context[context.size() - 2]} << 8 | context.back();
}

}  // namespace

CountModel::CountModel() : seen1_(256), seen2_(1 << 16), count1_(1 << 16) {}

void CountModel::count(Seen& seen, std::uint32_t& n) {
  ++seen.total;
  if (n++ == 0) ++seen.distinct;
}

void CountModel::add(std::span<const std::uint8_t> context, std::uint8_t next) {
  count(seen0_, count0_[next]);
  if (context.empty()) return;
  count(seen1_[last_byte(context)], count1_[last_byte(context) << 8 | next]);
  if (context.size() < 2) return;
  const std::size_t two = last_two(context);
  count(seen2_[two], count2_[static_cast<std::uint32_t>(two << 8 | next)]);
}

void CountModel::add_window(Window window) {
  const auto bytes = window.bytes();
  for (std::size_t t = 1; t < bytes.size(); ++t) add(bytes.first(t), bytes[t]);
}

double CountModel::probability(std::span<const std::uint8_t> context, std::uint8_t next) const {
  double p = interpolate(count0_[next], seen0_.total, seen0_.distinct, 1.0 / 256);
  if (context.empty()) return p;
  const Seen& one = seen1_[last_byte(context)];
  p = interpolate(count1_[last_byte(context) << 8 | next], one.total, one.distinct, p);
  if (context.size() < 2) return p;
  const std::size_t key = last_two(context);
  if (seen2_[key].total == 0) return p;
  const auto it = count2_.find(static_cast<std::uint32_t>(key << 8 | next));
  const double n = it == count2_.end() ? 0 : it->second;
  return interpolate(n, seen2_[key].total, seen2_[key].distinct, p);
}

double CountModel::bits_per_byte(std::span<const Window> windows) const {
  double bits = 0;
  std::int64_t targets = 0;
  for (const auto& window : windows) {
    const auto bytes = window.bytes();
    for (std::size_t t = 1; t < bytes.size(); ++t, ++targets) {
      bits -= std::log2(probability(bytes.first(t), bytes[t]));
    }
  }
  STRAIT_CHECK(targets > 0, "bits per byte of nothing");
  return bits / static_cast<double>(targets);
}

CountModel fit_count_model(const Batches& batches, std::int32_t islands, std::int64_t steps) {
  CountModel model;
  std::unordered_set<const std::uint8_t*> seen;
  for (std::int32_t island = 0; island < islands; ++island) {
    for (std::int64_t step = 0; step < steps; ++step) {
      for (const auto& window : batches.windows(island, step)) {
        if (seen.insert(window.data()).second) model.add_window(window);
      }
    }
  }
  return model;
}

}  // namespace strait
