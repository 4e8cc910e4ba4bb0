// CUBIC (RFC 9438) with the constants and the step-wise growth of Linux, and HyStart.
//
// Windows are segments, times nanoseconds. After a loss the window grows as a cubic function of the
// time since, which is flat at the window of the loss; and never slower than Reno would.
#pragma once

#include "netsim/tcp/congestion.h"
#include "netsim/tcp/hystart.h"

namespace strait {

class Cubic : public Congestion {
 public:
  void acknowledged(Window& window, const AckSample& sample) override;
  std::int64_t reduced(const Window& window) override;
  void timed_out() override;
  void resumes(Nanos idle, Nanos now) override;

 private:
  void grow(Window& window, std::int64_t delivered, Nanos now);
  void start_epoch(const Window& window, std::int64_t delivered, Nanos now);
  void look(const Window& window, std::int64_t delivered, Nanos now);

  HyStart hystart_;
  std::int64_t last_max_ = 0;  // the window before the last loss, less if it had shrunk before
  bool epoch_ = false;         // since the last loss, there were acknowledgements
  Nanos epoch_start_{0};
  Nanos to_origin_{0};       // RFC 9438: K
  std::int64_t origin_ = 0;  // where the curve is flat
  std::int64_t credit_ = 0;  // delivered since the window last grew
  std::int64_t reno_ = 0;    // the window of Reno, from the same loss
  std::int64_t reno_credit_ = 0;
  std::int64_t needed_ = 20;         // segments that arrive, for the window to grow by one
  std::int64_t looked_window_ = -1;  // and when that was found out
  Nanos looked_{0};
};

/// The largest integer whose cube is at most `value`, which is not negative.
std::int64_t cube_root(__int128 value);

}  // namespace strait
