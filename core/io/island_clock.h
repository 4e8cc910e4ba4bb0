// What RealLoop is made of: the clock of one island, with its thread. See core/io/real_loop.h.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <thread>

#include "core/base/fifo.h"
#include "core/io/real_loop.h"

namespace strait {

class RealLoop::IslandClock final : public Clock {
 public:
  IslandClock(RealLoop& loop, IslandId island) : loop_(loop), island_(island) {}

  Nanos now() const override { return now_; }
  Nanos waited() const override { return waited_; }
  void compute(Nanos cost, const std::function<void()>& work) override;
  void post(Callback f) override;
  void settle() override;
  void wait(TicketState& ticket) override;
  bool ready(const TicketState& ticket) const override;
  void complete(TicketState& ticket) override;

 private:
  friend class RealLoop;
  using Lock = std::unique_lock<std::mutex>;

  void live();
  void begin();
  void judge(fmt::string_view what, Nanos late);
  void run_posted(int life);
  void sleep_until(Lock& lock, Nanos end);
  bool over() const { return killed_ || ended_; }
  void throw_if_over() const;

  RealLoop& loop_;
  const IslandId island_;
  PauseSchedule pauses_;  // fixed before the run

  // The island's thread's.
  bool begun_ = false;  // this life has made its first call
  bool works_ = false;
  Nanos now_{0};
  Nanos done_{0};    // when work was done that took longer than announced, last time
  Nanos behind_{0};  // its announced end, since the island waited
  Nanos waited_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool running_ = true;
  bool killed_ = false;
  bool ended_ = false;     // the run
  Fifo<Callback> posted_;  // in this life, not yet begun to run
  int unsettled_ = 0;      // the same, not yet run to its end
  int lives_ = 1;
  Lateness posted_late_, wake_ups_, work_;
  std::exception_ptr failure_;  // what its body threw

  std::thread thread_;  // the loop's
};

}  // namespace strait
