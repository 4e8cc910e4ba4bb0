// BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00; Cardwell et al., "BBR:
// Congestion-Based Congestion Control", ACM Queue 2016), with Linux's constants.
//
// It measures the largest delivery rate of the last ten round trips and the shortest round trip of
// the last ten seconds, paces at that rate times a gain, and holds as many segments under way as
// twice their product. Losses hardly slow it down. Left out: the detection of policers, and the
// extra window for acknowledgements that come in lumps (here they do not).
#pragma once

#include <array>

#include "core/base/rng.h"
#include "netsim/tcp/congestion.h"

namespace strait {

class Bbr : public Congestion {
 public:
  Bbr(std::int64_t initial_window, Nanos rtt, const Rng& rng);

  void acknowledged(Window& window, const AckSample& sample) override;
  std::int64_t reduced(const Window& window) override;
  void timed_out() override;
  void resumes(Nanos idle, Nanos now) override;
  std::int64_t pace() const override { return pace_; }
  bool owns_window() const override { return true; }

 private:
  enum class Mode : std::uint8_t { kStartup, kDrain, kProbeBandwidth, kProbeRtt };
  using Rate = std::int64_t;  // segments per million seconds

  void count_round(const AckSample& sample);
  void measure_rate(const AckSample& sample);
  void step_cycle(const AckSample& sample);
  void check_full(const AckSample& sample);
  void check_drained(const AckSample& sample);
  void measure_rtt(Window& window, const AckSample& sample);
  void set_pace();
  void set_window(Window& window, const AckSample& sample);
  bool recovers(Window& window, const AckSample& sample);
  void start_cycle(Nanos now);
  void save(const Window& window);
  std::int64_t at_rate(Rate rate, std::int64_t gain) const;
  std::int64_t budget(std::int64_t segments) const;
  Rate rate() const;
  std::int64_t pacing_gain() const;
  std::int64_t window_gain() const;

  Rng rng_;
  std::int64_t initial_window_;
  Mode mode_ = Mode::kStartup;

  // The largest rate of the last rounds: candidates with falling rate and rising round.
  struct Candidate {
    std::int64_t round = 0;
    Rate rate = 0;
  };
  std::array<Candidate, 3> best_{};
  void keep_best(Rate rate);

  std::int64_t round_ = 0;
  std::int64_t round_end_ = 0;  // delivered in all
  bool round_starts_ = false;
  Nanos shortest_;
  Nanos shortest_time_{0};
  bool known_ = false;  // shortest_time_ is set

  Rate pace_ = 0;
  Rate full_rate_ = 0;
  int rounds_without_growth_ = 0;
  bool full_ = false;

  int phase_ = 0;  // of the cycle of gains
  Nanos phase_start_{0};

  std::int64_t saved_window_ = 0;
  bool conserving_ = false;
  bool was_recovering_ = false;
  Nanos probe_rtt_end_ = kNever;
  bool probe_rtt_round_ = false;
  bool resumed_ = false;
};

}  // namespace strait
