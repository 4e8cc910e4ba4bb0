// IdleTasks: what stands in for the model when a run is rehearsed. Buffers as large as the real
// ones, which travel as the real ones do, and steps that do nothing.
//
// Thread: make() and make_optimizer() on any; what they make belongs to its island.
#pragma once

#include "apps/experiment/task_source.h"

namespace strait {

/// What a step of the settings' task is counted as.
StepWork idle_step(const RunConfig& config);

class IdleTasks final : public TaskSource {
 public:
  /// The settings are filled in; `layout` is the model's, or a smaller one in its place.
  IdleTasks(const RunConfig& config, ParameterLayout layout);

  std::unique_ptr<Task> make() const override;
  /// With the real one's state, which travels after pretraining and where islands come and go.
  std::unique_ptr<InnerOptimizer> make_optimizer(const InnerOptions& options,
                                                 const ParameterLayout& layout) const override;
  ParameterLayout layout() const override { return layout_; }
  std::string data_description() const override { return "none"; }
  /// As long as the real one: islands compare it when they meet.
  std::string data_hash() const override { return data_hash_; }

 private:
  ParameterLayout layout_;
  StepWork step_;  // what contributions may be weighed by
  std::string data_hash_;
};

}  // namespace strait
