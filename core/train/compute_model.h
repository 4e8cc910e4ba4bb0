// What an inner step costs on the virtual clock: a fixed time per island batch, with seeded jitter;
// islands may differ in both. Repeatable to the bit: integers only, drawn per (seed, island, step).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/ids.h"
#include "core/base/units.h"

namespace strait {

struct ComputeModel {
  /// Forward, backward and inner update on one island batch.
  Nanos step = std::chrono::milliseconds(150);
  /// A step takes step x (1 + u), u uniform in [-jitter, jitter], in parts per million.
  std::int64_t jitter_ppm = 0;
  std::uint64_t seed = 1;
  /// What passes over memory outside the inner step cost: encode, decode-add, outer step.
  BytesPerSecond memory_rate{4'000'000'000};

  /// What is special about an island. By island; those beyond the end have nothing special.
  struct Own {
    std::optional<Nanos> step{};
    std::optional<std::int64_t> jitter_ppm{};
    std::int64_t speed_ppm = 1'000'000;  // times as fast: its step is shorter
  };
  std::vector<Own> islands{};

  Nanos step_cost(IslandId island, std::int64_t step_number) const;
  /// Without jitter.
  Nanos usual_step(IslandId island) const;
  Nanos memory_cost(Bytes touched) const { return transfer_time(touched, memory_rate); }

 private:
  Own own(IslandId island) const;
};

}  // namespace strait
