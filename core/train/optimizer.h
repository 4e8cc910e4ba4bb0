// Inner and outer optimizers over flat fp32 buffers, one fused pass each.
//
// Own code, because torch::optim in C++ was measured three to five times slower than one pass over
// a flat buffer. Every row gives the same bits with and without SIMD (core/base/simd.h). On one
// core (AMD EPYC with AVX-512, 8 M parameters, math_bench) all run at memory speed: memory traffic
// read and written is, relative to memcpy's, 2.0-2.1 for an AdamW step with its norm (1.3 G
// parameters/s), 1.8 to 2.1 for Nesterov (2 G/s), 1.1 for the norm and the outer gradient. Thread:
// the island's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/simd.h"
#include "core/train/flat_math.h"
#include "core/train/parameter_layout.h"

namespace strait {

/// The learning rate over the inner steps of the whole run; rounds never restart it.
struct Schedule {
  std::string name = "cosine";  // cosine | constant | wsd (warm-up, stable, decay)
  double peak = 2e-3;
  std::int64_t steps = 1600;        // of the whole run, pretraining included
  std::int64_t warmup_steps = 160;  // linear from peak/warmup_steps at step 0 to peak
  double final_fraction = 0.1;      // cosine and wsd end at this fraction of the peak
  std::int64_t decay_steps = 320;   // of wsd

  /// Learning rate of inner step `step` (counted from 0): peak * (step + 1) / warmup_steps while
  /// warming up, then
  ///   cosine    half a cosine from the peak at step `warmup_steps` to final_fraction * peak at
  ///             step `steps`, where it stays;
  ///   constant  the peak;
  ///   wsd       the peak until step `steps` - `decay_steps`, then a line to final_fraction * peak
  ///             at step `steps`, where it stays.
  double rate(std::int64_t step) const;

  /// Throws UserError for values that are no schedule.
  void check() const;
};

struct InnerOptions {
  std::string name = "adamw";  // adamw | sgd
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // decoupled: p *= 1 - lr * weight_decay first, on decayed parameters
  double clip_norm = 1.0;     // of the global L2 norm; 0 = no clipping
};

/// Steps on the parameters with the accumulated gradient. Buffers are as long as the layout; its
/// padding stays zero.
///   adamw: PyTorch's. m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g g;
///          p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
///   sgd:   p -= lr * g
class InnerOptimizer {
 public:
  virtual ~InnerOptimizer() = default;

  /// One step at learning rate `lr`. Clips the whole gradient by clip_norm / (norm + 1e-6) where
  /// that is below 1; returns the norm before clipping. Does not change `gradients`. When they hold
  /// infinity or NaN the norm that is returned is not finite either, and nothing has changed: not
  /// the parameters, not the state, not steps_taken().
  virtual double step(std::span<float> parameters, std::span<const float> gradients, double lr) = 0;

  /// State buffers by name ("m", "v" for adamw; none for sgd), each as long as the layout, so that
  /// they can be handed to other islands and saved.
  struct State {
    std::string name;
    std::span<float> values;
  };
  virtual std::vector<State> state() = 0;
  virtual std::int64_t steps_taken() const = 0;
  virtual void set_steps_taken(std::int64_t steps) = 0;
};

/// As if no step had been made: state 0, no steps taken.
void reset(InnerOptimizer& optimizer);

/// The table of inner optimizers. Throws UserError for an unknown name (naming the known ones) and
/// for values that no step can be made with.
std::unique_ptr<InnerOptimizer> make_inner_optimizer(const InnerOptions& options,
                                                     const ParameterLayout& layout,
                                                     Simd simd = best_simd());

/// Buffers as long as the layout that the optimizer of this name keeps; 0 for an unknown one.
std::int64_t inner_state_buffers(std::string_view name);
std::int64_t outer_state_buffers(std::string_view name);

/// What so many buffers of an outer optimizer are called, in the order of its state().
std::vector<std::string> outer_state_names(std::size_t buffers);

struct OuterOptions {
  std::string name = "nesterov";  // nesterov | momentum | sgd | adam
  double lr = 0.7;
  double momentum = 0.9;
  double beta1 = 0.9;  // of adam, as the next two
  double beta2 = 0.95;
  double epsilon = 0.1;
  std::string schedule = "constant";  // constant | cosine | linear
  std::int64_t rounds = 1;            // of the run: the schedule's length

  /// Learning rate of round `round` (counted from 1), t = (round - 1) / rounds of the run behind
  /// it: constant lr; cosine lr (1 + cos(pi t)) / 2; linear lr (1 - t).
  double rate(std::int64_t round) const;
};

/// From the mean outer gradient and the last shared parameters, the next shared parameters:
///   buf = momentum * buf + delta (first buf = delta)
///   nesterov: shared -= lr * (delta + momentum * buf);  momentum: shared -= lr * buf;
///   sgd: shared -= lr * delta
///   adam: m += (1 - beta1) (delta - m); v = beta2 v + (1 - beta2) delta delta;
///         shared -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
/// Same bits on every island. (arXiv 2401.09135 eq. 4; torch.optim.SGD(nesterov=True);
/// torch.optim.Adam.)
class OuterOptimizer {
 public:
  virtual ~OuterOptimizer() = default;

  /// The outer step of `round`, counted from 1. Every committed round is one step on every island,
  /// whenever it makes it, so the round is also Adam's t and the place in the schedule.
  virtual void step(std::span<float> shared, std::span<const float> mean_outer_gradient,
                    std::int64_t round) = 0;

  /// All there is of state, buffers as long as `shared`: zero before the first step, so that "first
  /// buf = delta" needs no flag and an island that is given the buffers goes on like the others.
  /// nesterov, momentum: buf; adam: m, v; sgd: none.
  virtual std::vector<std::span<float>> state() = 0;
};

/// The table of outer optimizers, for buffers of `size` floats. Throws UserError as above.
std::unique_ptr<OuterOptimizer> make_outer_optimizer(const OuterOptions& options, std::int64_t size,
                                                     Simd simd = best_simd());

}  // namespace strait
