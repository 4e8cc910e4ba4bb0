#include "netsim/tcp/reno.h"

#include <algorithm>

namespace strait {

void Reno::acknowledged(Window& window, const AckSample& sample) {
  if (!sample.window_limited) return;
  std::int64_t delivered = sample.delivered;
  if (window.slow_start()) {
    const std::int64_t grown = std::min(delivered, window.threshold - window.size);
    window.size += grown;
    delivered -= grown;
  }
  credit_ += delivered;
  while (credit_ >= window.size) credit_ -= window.size++;
}

std::int64_t Reno::reduced(const Window& window) {
  return std::max<std::int64_t>(2, window.size / 2);
}

}  // namespace strait
