// Task: a model, its loss and its data, as the training algorithm sees them.
//
// DiLoCo does not know what it trains; it sees flat fp32 buffers and numbers. A Task object belongs
// to one island and is used from that island's thread only. Language (LibTorch) and quadratic
// (spans) are rows; make_task is the table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/train/parameter_layout.h"

namespace strait {

/// What one inner step consumed.
struct StepWork {
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  double flops = 0;  // forward and backward: 6 x parameters x tokens plus attention, where known
};

/// One evaluation: named values in a fixed order. The first is the primary one; lower is better.
struct Metric {
  std::string name;  // "loss" (mean over sources), "loss.de", ...
  double value = 0;
};

/// One evaluation from the shares of evaluate(), share 0 first: "loss", the mean over the sources
/// (each counts the same), then every source in order. Empty if there are no sources.
std::vector<Metric> combine(std::span<const std::vector<Metric>> shares);

/// The mean over islands that have each evaluated all sources on parameters of their own: "loss"
/// and every source in order, then "island_0.loss" and so on for each of `islands`, in order.
std::vector<Metric> mean_of(std::span<const std::int32_t> islands,
                            std::span<const std::vector<Metric>> evaluations);

/// Which batch, or whose inner step: the same (seed is fixed in the task), island and step give the
/// same batch under every strategy.
struct BatchKey {
  std::int32_t island = 0;
  std::int64_t step = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  virtual const ParameterLayout& layout() const = 0;

  /// The flat buffers of this island's model: layout().size() floats each. Valid as long as the
  /// task; the optimizer writes parameters(), begin_step clears gradients().
  virtual std::span<float> parameters() = 0;
  virtual std::span<float> gradients() = 0;

  /// Fills parameters() with the seed's initial values; the same on every island.
  virtual void initialize() = 0;

  /// Zeroes the gradients in place.
  virtual void clear_gradients() = 0;

  /// Forward and backward on the batch of `key`: adds `scale` times the gradient of the mean loss
  /// to gradients(), and keeps the loss for take_losses().
  virtual StepWork accumulate_gradient(BatchKey key, float scale) = 0;

  /// The mean losses of the batches since the last call, in order. Read once a round: on a device
  /// this is the one synchronization.
  virtual std::vector<double> take_losses() = 0;

  /// Held-out loss of `parameters` (which need not be this island's own) on this island's share of
  /// the sources: those whose index i has i % shares == share, as "loss.<source>" in source order.
  /// Leaves parameters() and gradients() as they were.
  virtual std::vector<Metric> evaluate(std::span<const float> parameters, int share,
                                       int shares) = 0;

  /// Bytes of held-out text per token, so that bits per byte can be told: 1 for byte-level text,
  /// 0 = no text, or not known.
  virtual double bytes_per_token() const = 0;

  /// Its values mean nothing (a rehearsal): passes over them take their time and may be left out.
  virtual bool idle() const { return false; }
};

/// Adds `scale` times the gradient of inner step `key.step`, which is the mean over `batches` equal
/// batches: those numbered key.step * batches and on. Keeps a loss for each of them.
StepWork accumulate_step(Task& task, BatchKey key, std::int64_t batches, float scale);

}  // namespace strait
