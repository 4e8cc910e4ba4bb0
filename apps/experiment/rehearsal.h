// Rehearsal: a run without its training. The same islands, rounds, messages, links and events, on
// the same virtual clock; only the model is replaced by buffers of its size (idle_tasks.h). So what
// it says of bytes and seconds is what the run will say, whatever the emulator's TCP is like.
//
// A long run is rehearsed for some rounds only, and its other rounds are taken to be like those
// after the first; a large model is rehearsed at two smaller sizes, and a straight line leads from
// them to its own (a few percent off where a shard of the smaller sizes is only a piece or two, as
// among sixteen islands and more). The result says so. Thread: any, as run_arm.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "apps/experiment/arm.h"

namespace strait {

/// How much is rehearsed at most. They keep a rehearsal to seconds and to a gigabyte.
struct RehearsalLimits {
  std::int64_t values = 32 << 20;  // of the models of all islands together
  Bytes payload = 1'000'000'000;   // of all rounds, about
  std::int64_t steps = 200'000;    // inner steps, of all islands together
  std::int64_t rounds = 10'000;
  std::int64_t least_rounds = 3;  // whatever they cost: the first is not like the others
};

/// What all islands' bytes and time come to. Bytes by cause, as the ledger counts them.
struct RunCosts {
  std::array<Bytes, kCauses> bytes{};
  std::array<Bytes, kCauses> first_bytes{};  // of the first round
  std::array<Bytes, kCauses> later_bytes{};  // of each later one, on average
  Nanos time{0};                             // virtual, of the whole run
  Nanos first_time{0};                       // of the first round
  Nanos later_time{0};                       // of each later one, on average
  Nanos waited{0};                           // of the whole run, mean over islands

  /// The share of time in which islands compute.
  double computing() const {
    return time > Nanos{0} ? std::clamp(1 - seconds(waited) / seconds(time), 0.0, 1.0) : 1;
  }
};

struct Rehearsal {
  RunCosts costs;
  std::int64_t rounds = 0;            // of the run
  std::int64_t rehearsed_rounds = 0;  // the same, if all were
  std::int64_t values = 0;            // of the model
  std::int64_t rehearsed_values = 0;  // the same, if it was not too large
};

/// Rehearses an arm of these settings (filled in). Throws what the run would: UserError, Deadlock,
/// RunFailed.
Rehearsal rehearse(const RunConfig& config, const FabricOptions& fabric, const ArmOptions& options,
                   const RehearsalLimits& limits = {});

/// A few rounds for little, on the network in which nothing ever happens: to stand beside what was
/// measured. None for an arm that exchanges nothing, or if it would not come to its end.
std::optional<Rehearsal> quick_prediction(const RunConfig& config, const FabricOptions& fabric,
                                          const ArmOptions& options);

/// The whole arm without its training, on the virtual clock: rounds, bytes and times are those of
/// the run, to the last one; losses mean nothing. What ends it early is in the result's `failure`.
ArmResult replay(const RunConfig& config, const FabricOptions& fabric, const ArmOptions& options);

struct RehearsedPretraining {
  Nanos compute_time{0};
  Nanos handout_time{0};
  Bytes handed_out = 0;
};

/// Pretraining and its hand-out; none if the settings have none.
std::optional<RehearsedPretraining> rehearse_pretraining(const RunConfig& config,
                                                         const FabricOptions& fabric,
                                                         const RehearsalLimits& limits = {});

}  // namespace strait
