// Prices: what trained arms cost on other networks, without training them again.
//
// As long as every island takes part in every round, the network decides only when what happens. So
// an arm is replayed (apps/experiment/rehearsal.h): all its rounds through the real protocol and
// the emulator, with idle islands; the losses are those of the run's folder. On the run's own
// network the times are the run's, to the nanosecond. Thread: any.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/experiment/trained_run.h"

namespace strait {

/// Where an arm is priced.
struct Venue {
  std::string links;               // the file's name without folder and .csv, for people
  std::int64_t speed = 1'000'000;  // of computing beside the settings, in parts per million
  RunConfig config;                // filled in; on the virtual clock
  FabricOptions fabric;
};

/// The network of these settings, with islands that compute `speed` times as fast. Throws
/// UserError.
Venue venue_of(const LoadedConfig& loaded, std::int64_t speed);

struct Price {
  Nanos time{0};
  Nanos waited{0};  // mean over islands
  Bytes payload = 0;
  Bytes wire = 0;
  std::vector<Nanos> rounds;  // when each was over, from the branch point on
  std::string problem;        // why there is no price; the rest means nothing then
};

/// What the run's folder says of its own network.
Price own_price(const TrainedArm& arm);

/// By a replay. There is no price where islands would miss rounds, or the run would not end.
Price price_arm(const TrainedArm& arm, const Venue& venue);

struct PriceJob {
  const TrainedArm* arm = nullptr;
  const Venue* venue = nullptr;
};

/// All jobs, as many at once as there are cores; prices in the order of the jobs. `working` is told
/// how many are done, one call at a time.
std::vector<Price> price_all(const std::vector<PriceJob>& jobs,
                             const std::function<void(int done, int total)>& working);

}  // namespace strait
