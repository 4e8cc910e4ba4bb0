// The verdict: what each way of training cost in bytes, in seconds on this network, and in loss.
//
// Every figure says whether it was measured in this run or modelled. As text for people and as JSON
// for programs; both are made from the same figures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/arm.h"
#include "apps/experiment/rehearsal.h"

namespace strait {

/// What the baseline would cost if it were run better: not trained, but priced.
struct ModelledBaseline {
  Bytes bf16_payload = 0;  // half the bytes
  Nanos bf16_time{0};      // the same steps with messages of half the size, through the emulator
  Nanos overlap_time{0};   // the bound steps x max(compute, exchange)
  Nanos bf16_overlap_time{0};  // both
};

struct VerdictInput {
  const Experiment& experiment;
  std::string scenario;
  std::string stopped{};                     // why the last arm was not finished; empty: it was
  const Pretraining* pretraining = nullptr;  // null: none
  std::vector<const ArmResult*> arms;  // the first is the one that the others are compared with
  std::optional<ModelledBaseline> baseline;
  std::optional<Rehearsal> prediction;  // of the first arm, beside what it measured
  std::optional<double> count_model_bits_per_byte;
  double wall_s = 0;
  double cpu_s = 0;
};

std::string verdict_text(const VerdictInput& input);
std::string verdict_json(const VerdictInput& input);

/// What all connections put on links, each byte counted once: what was handed to them, headers,
/// handshakes, acknowledgements, and what was sent again. Emulated: the sum of the verdict's
/// "bytes".
Bytes wire_bytes(const Costs& costs);

/// The virtual time at which the arm's held-out loss first is at most `loss`, at the points that
/// were evaluated.
std::optional<Nanos> time_to_loss(const ArmResult& arm, double loss);

ModelledBaseline model_baseline(const Experiment& experiment, const ArmResult& data_parallel);

}  // namespace strait
