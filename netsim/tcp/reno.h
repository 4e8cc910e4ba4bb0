// Reno's congestion avoidance (RFC 5681): one segment per window, half of it after a loss.
#pragma once

#include "netsim/tcp/congestion.h"

namespace strait {

class Reno : public Congestion {
 public:
  void acknowledged(Window& window, const AckSample& sample) override;
  std::int64_t reduced(const Window& window) override;
  void timed_out() override { credit_ = 0; }
  void resumes(Nanos, Nanos) override {}

 private:
  std::int64_t credit_ = 0;
};

}  // namespace strait
