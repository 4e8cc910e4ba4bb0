// Congestion control by itself: acknowledgements are made up, and the window looked at.
#include "netsim/tcp/congestion.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "netsim/tcp/bbr.h"
#include "netsim/tcp/cubic.h"
#include "netsim/tcp/hystart.h"
#include "netsim/tcp/reno.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

TEST_CASE("a cube root is the largest integer whose cube fits", "[congestion]") {
  CHECK(cube_root(0) == 0);
  CHECK(cube_root(1) == 1);
  CHECK(cube_root(7) == 1);
  CHECK(cube_root(8) == 2);
  CHECK(cube_root(26) == 2);
  CHECK(cube_root(27) == 3);
  const std::uint64_t seed = test_seed();
  INFO("--rng-seed " << seed);
  Rng rng(seed, "cube root");
  for (int i = 0; i < 2'000; ++i) {
    const auto root = static_cast<std::int64_t>(rng.next() >> (24 + rng.below(40)));  // 40 bits
    const __int128 cube = __int128{root} * root * root;
    REQUIRE(cube_root(cube) == root);
    REQUIRE(cube_root(cube + root) == root);
    if (root > 0) REQUIRE(cube_root(cube - 1) == root - 1);
  }
}

/// What a full window's acknowledgements tell, in trains of some segments over the round trip.
struct Path {
  Congestion& congestion;
  Window& window;
  Nanos rtt;
  Nanos now{0};
  std::int64_t delivered = 0;
  bool window_limited = true;

  void sample(std::int64_t segments) {
    delivered += segments;
    congestion.acknowledged(window, {.first = now,
                                     .last = now,
                                     .delivered = segments,
                                     .acks = std::max<std::int64_t>(1, segments / 2),
                                     .rtt_first = rtt,
                                     .rtt_last = rtt,
                                     .next = delivered + window.size,
                                     .offered = INT64_MAX / 2,
                                     .acknowledged = delivered,
                                     .in_flight = window.size,
                                     .delivered_total = delivered,
                                     .window_limited = window_limited});
  }

  void round() {
    const std::int64_t window_then = window.size;
    for (std::int64_t left = window_then; left > 0; left -= std::min<std::int64_t>(left, 2)) {
      sample(std::min<std::int64_t>(left, 2));
      now += rtt * std::min<std::int64_t>(left, 2) / window_then;
    }
  }
  void run_until(Nanos end) {
    while (now < end) round();
  }
};

TEST_CASE("Reno doubles in slow start and then gains one segment per window", "[congestion]") {
  Reno reno;
  Window window{.size = 10, .threshold = 80};
  Path path{reno, window, ms(100)};
  for (const std::int64_t expected : {20, 40, 80, 81, 82, 83}) {
    path.round();
    CHECK(window.size == expected);
  }
  CHECK(reno.reduced(window) == 41);
  CHECK(reno.reduced({.size = 3}) == 2);
}

TEST_CASE("Reno counts what slow start leaves of a train as growth after it", "[congestion]") {
  Reno reno;
  Window window{.size = 10, .threshold = 15};
  Path path{reno, window, ms(100)};
  path.sample(10);  // five grow, five are credit
  CHECK(window.size == 15);
  path.sample(9);
  CHECK(window.size == 15);
  path.sample(1);
  CHECK(window.size == 16);
}

TEST_CASE("a window that is not used does not grow", "[congestion]") {
  for (const CongestionControl kind : {CongestionControl::kReno, CongestionControl::kCubic}) {
    const auto congestion = make_congestion(kind, 10, ms(100), Rng(1, "x"));
    Window window{.size = 10};
    Path path{*congestion, window, ms(100)};
    path.window_limited = false;
    for (int i = 0; i < 5; ++i) path.round();
    CHECK(window.size == 10);
    window.threshold = 5;
    for (int i = 0; i < 500; ++i) path.round();
    CHECK(window.size == 10);
  }
}

/// CUBIC after a loss at `size` segments.
void lose(Cubic& cubic, Window& window) {
  window.threshold = cubic.reduced(window);
  window.size = window.threshold;
}

// K = cbrt(1000 x 0.3 / 0.4 per s^3) = 9.086 s. At half of it, the eighth of the way is left.
TEST_CASE("CUBIC is back at its old window after K seconds, and goes on", "[congestion]") {
  for (const Nanos rtt : {ms(20), ms(50), ms(100), ms(200)}) {
    INFO(rtt.count() / 1'000'000 << " ms");
    Cubic cubic;
    Window window{.size = 1'000};
    lose(cubic, window);
    CHECK(window.size == 700);
    Path path{cubic, window, rtt};
    if (rtt < ms(50)) {
      // Reno's estimate gains 0.53 segments per round trip: it comes first.
      path.run_until(Nanos{9'086'000'000});
      CHECK(window.size >= 700 + 0.5 * 454);
      continue;
    }
    path.run_until(Nanos{4'543'000'000});
    CHECK(static_cast<double>(window.size) == Approx(1'000 - 300 / 8).epsilon(0.01));
    path.run_until(Nanos{9'086'000'000});
    CHECK(static_cast<double>(window.size) == Approx(1'000).epsilon(0.01));
    path.run_until(Nanos{18'172'000'000});
    CHECK(static_cast<double>(window.size) == Approx(1'300).epsilon(0.03));
  }
}

// Lost at 1000, then at 900: the next plateau is at 900 x 1.7 / 2 = 765, from 630. That takes
// cbrt(135 / 0.4) = 6.96 s; without fast convergence it would be 900.
TEST_CASE("CUBIC leaves room for others if it loses before it was back", "[congestion]") {
  Cubic cubic;
  Window window{.size = 1'000};
  lose(cubic, window);
  window.size = 900;
  lose(cubic, window);
  CHECK(window.size == 630);
  Path path{cubic, window, ms(100)};
  path.run_until(Nanos{6'960'000'000});
  CHECK(static_cast<double>(window.size) == Approx(765).epsilon(0.01));
  // A loss above the last one: the plateau is where it was.
  window.size = 1'100;
  lose(cubic, window);
  CHECK(window.size == 770);
  const Nanos start = path.now;
  path.run_until(start + Nanos{9'380'000'000});  // cbrt(330 / 0.4)
  CHECK(static_cast<double>(window.size) == Approx(1'100).epsilon(0.01));
}

// RFC 9438, 4.3: W_est gains 3 (1 - b) / (1 + b) = 0.53 segments per window that arrives.
TEST_CASE("CUBIC is never slower than Reno's estimate", "[congestion]") {
  for (const std::int64_t size : {10, 20, 100, 400}) {
    for (const Nanos rtt : {ms(2), ms(10), ms(40)}) {
      INFO(size << " segments, " << rtt.count() / 1'000'000 << " ms");
      Cubic cubic;
      Window window{.size = size};
      lose(cubic, window);
      Path path{cubic, window, rtt};
      double reno = static_cast<double>(window.size);
      for (int round = 0; round < 400; ++round) {
        // Seen at most once in 32 ms, and while the window changes.
        reno += 0.529 * 0.99;
        path.round();
        const double seen = reno - 0.529 * (1 + static_cast<double>(ms(32).count()) /
                                                    static_cast<double>(rtt.count()));
        CHECK(static_cast<double>(window.size) >= seen - 1);
      }
    }
  }
}

TEST_CASE("a timeout makes CUBIC forget its plateau", "[congestion]") {
  Cubic cubic;
  Window window{.size = 1'000};
  lose(cubic, window);
  cubic.timed_out();
  window = {.size = 1, .threshold = 60};
  Path path{cubic, window, ms(200)};
  for (const std::int64_t expected : {2, 4, 8, 16, 32}) {
    path.round();
    CHECK(window.size == expected);
  }
  // As after a slow start that met no loss: one segment for 20 at least, 5 % in each round trip. On
  // the way back to 1000 it would be faster.
  path.round();
  CHECK(window.size == 60);
  for (int round = 0; round < 10; ++round) path.round();
  CHECK(static_cast<double>(window.size) == Approx(60 * std::pow(1.05, 10)).epsilon(0.05));
}

// --- HyStart ---

/// One acknowledgement for each of `count` segments, evenly from `first` to `last`.
AckSample acks(std::int64_t from, std::int64_t count, Nanos first, Nanos last, Nanos rtt_first,
               Nanos rtt_last) {
  return {.first = first,
          .last = last,
          .delivered = count,
          .acks = count,
          .rtt_first = rtt_first,
          .rtt_last = rtt_last,
          .next = from + 2 * count,
          .offered = INT64_MAX / 2,
          .acknowledged = from + count,
          .window_limited = true};
}

TEST_CASE("HyStart leaves when acknowledgements come closely for half a round trip",
          "[congestion]") {
  HyStart hystart;
  // One in a millisecond: the 52nd of them is 51 ms after the first. A burst of 1 ms is forgiven.
  CHECK(hystart.counted(20, acks(0, 80, ms(100), ms(179), ms(100), ms(100))) == 52);
  CHECK(hystart.left());
  CHECK(hystart.shortest() == ms(100));
  hystart.restart();
  CHECK(hystart.shortest() == kNever);
  // With 3 ms between them that is no train.
  CHECK(hystart.counted(20, acks(0, 80, ms(100), ms(100 + 3 * 79), ms(100), ms(100))) == 80);
  CHECK_FALSE(hystart.left());
}

TEST_CASE("HyStart does not look before the window has 16 segments", "[congestion]") {
  HyStart hystart;
  CHECK(hystart.counted(4, acks(0, 11, ms(100), ms(199), ms(10), ms(10))) == 11);
  CHECK_FALSE(hystart.left());
  HyStart other;
  // One in 0.1 ms, for a round trip of 1 ms: the twelfth, 1.1 ms after the first, makes it 16.
  const Nanos end = ms(100) + 19 * ms(1) / 10;
  CHECK(other.counted(4, acks(0, 20, ms(100), end, ms(1), ms(1))) == 12);
  CHECK(other.left());
}

// The rise may be an eighth of 100 ms: 12.5 ms.
TEST_CASE("HyStart leaves when round trips become longer", "[congestion]") {
  for (const auto& [rtt, leaves] : {std::pair{ms(112), false}, std::pair{ms(113), true}}) {
    HyStart hystart;
    CHECK(hystart.counted(20, acks(0, 20, ms(100), ms(110), ms(100), ms(100))) == 20);
    // The first eight are measured.
    CHECK(hystart.counted(40, acks(40, 20, ms(220), ms(230), rtt, rtt)) == (leaves ? 9 : 20));
    CHECK(hystart.left() == leaves);
  }
  // 4 ms with a short round trip; 16 ms with a long one.
  for (const auto& [least, rise] :
       {std::pair{ms(20), ms(4)}, std::pair{ms(64), ms(8)}, std::pair{ms(400), ms(16)}}) {
    HyStart hystart;
    hystart.counted(20, acks(0, 20, ms(400), ms(402), least, least));
    const Nanos rtt = least + rise;
    hystart.counted(40, acks(40, 20, ms(900), ms(902), rtt, rtt));
    CHECK_FALSE(hystart.left());
    hystart.counted(40, acks(80, 20, ms(1'400), ms(1'402), rtt + Nanos{1}, rtt + Nanos{1}));
    CHECK(hystart.left());
  }
}

TEST_CASE("one short round trip among the first eight keeps slow start going", "[congestion]") {
  HyStart hystart;
  hystart.counted(20, acks(0, 20, ms(100), ms(110), ms(100), ms(100)));
  hystart.counted(40, acks(40, 20, ms(220), ms(230), ms(100), ms(300)));
  CHECK_FALSE(hystart.left());
}

TEST_CASE("CUBIC stops doubling where HyStart leaves", "[congestion]") {
  Cubic cubic;
  Window window{.size = 80};
  AckSample sample = acks(0, 80, ms(100), ms(179), ms(100), ms(100));
  cubic.acknowledged(window, sample);
  CHECK(window.threshold == 80 + 52);
  CHECK(window.size >= 80 + 52);
  CHECK(window.size <= 80 + 52 + 2);  // of the other 28, at most one per 20
  CHECK_FALSE(window.slow_start());
}

// --- BBR ---

/// One flow, always with something to send, through a pipe of a fixed rate and a delay, packet by
/// packet, each acknowledged by itself.
class Pipe {
 public:
  Pipe(std::int64_t per_second, Nanos delay)
      : gap_(kSecond.count() / per_second), delay_(delay), bbr_(10, delay, Rng(1, "bbr")) {}

  void run_until(Nanos end) {
    while (now_ < end) step();
  }

  /// Segments per second.
  double pace() const { return static_cast<double>(bbr_.pace()) / 1e6; }
  std::int64_t delivered() const { return delivered_; }
  /// Since the last call.
  Nanos most_queued() { return std::exchange(most_queued_, Nanos{0}); }
  const Window& window() const { return window_; }

  void set_rate(std::int64_t per_second) { gap_ = Nanos{kSecond.count() / per_second}; }

 private:
  static constexpr Nanos kSecond{1'000'000'000};

  struct Packet {
    Nanos sent;
    Nanos heard;  // its acknowledgement
    std::int64_t delivered;
    Nanos delivered_time;
    Nanos first_sent;
  };

  std::int64_t in_flight() const { return static_cast<std::int64_t>(packets_.size()); }

  void step() {
    const bool may_send = in_flight() < window_.size;
    if (may_send && (packets_.empty() || next_send_ <= packets_.front().heard)) {
      now_ = std::max(now_, next_send_);
      if (packets_.empty()) first_sent_ = delivered_time_ = now_;
      free_ = std::max(free_, now_) + gap_;
      most_queued_ = std::max(most_queued_, free_ - now_);
      packets_.push_back({now_, free_ + delay_, delivered_, delivered_time_, first_sent_});
      next_send_ = now_ + Nanos{static_cast<std::int64_t>(1e9 / pace())};
      return;
    }
    const Packet packet = packets_.front();
    packets_.pop_front();
    now_ = std::max(now_, packet.heard);
    ++delivered_;
    delivered_time_ = now_;
    first_sent_ = packet.sent;
    next_send_ = std::max(next_send_, now_);
    const Nanos rtt = now_ - packet.sent;
    bbr_.acknowledged(window_, {.first = now_,
                                .last = now_,
                                .delivered = 1,
                                .acks = 1,
                                .rtt_first = rtt,
                                .rtt_last = rtt,
                                .acknowledged = delivered_,
                                .in_flight = in_flight(),
                                .delivered_total = delivered_,
                                .rate_delivered = delivered_ - packet.delivered,
                                .rate_interval = std::max(packet.sent - packet.first_sent,
                                                          now_ - packet.delivered_time),
                                .rate_prior_total = packet.delivered});
  }

  Nanos gap_;
  Nanos delay_;
  Bbr bbr_;
  Window window_;
  std::deque<Packet> packets_;
  Nanos now_{0}, next_send_{0}, free_{0}, first_sent_{0}, delivered_time_{0};
  Nanos most_queued_{0};
  std::int64_t delivered_ = 0;
};

/// The pace over two seconds: of its cycle of eight, six are at the rate itself.
double usual_pace(Pipe& pipe, Nanos from) {
  std::vector<double> paces;
  for (int i = 0; i < 200; ++i) {
    pipe.run_until(from + ms(10 * i));
    paces.push_back(pipe.pace());
  }
  std::sort(paces.begin(), paces.end());
  return paces[paces.size() / 2];
}

TEST_CASE("BBR finds the rate of a pipe and holds it with a short queue", "[congestion]") {
  for (const auto& [per_second, delay] :
       {std::pair{1'000, ms(50)}, std::pair{8'000, ms(20)}, std::pair{5'000, ms(100)}}) {
    INFO(per_second << " segments per second");
    Pipe pipe(per_second, delay);
    // Start-up doubles the rate in a round trip, from 10 segments: 6 of them and three to see that
    // it stays; then the queue drains.
    pipe.run_until(20 * delay);
    CHECK(pipe.most_queued() > delay / 2);  // start-up has a queue
    CHECK(pipe.pace() < 1.3 * per_second);  // and is left: its pace was 2.9 times the rate
    // Linux paces at a hundredth less than the rate.
    CHECK(usual_pace(pipe, 20 * delay) == Approx(0.99 * per_second).epsilon(0.02));
    CHECK(pipe.most_queued() < delay / 2);
    const std::int64_t before = pipe.delivered();
    pipe.run_until(20 * delay + ms(2'000) + ms(5'000));
    CHECK(static_cast<double>(pipe.delivered() - before) == Approx(5 * per_second).epsilon(0.02));
    const double product = static_cast<double>(per_second) * seconds(delay);
    CHECK(static_cast<double>(pipe.window().size) == Approx(2 * product).epsilon(0.15));
  }
}

TEST_CASE("BBR measures the round trip with four segments under way every ten seconds",
          "[congestion]") {
  Pipe pipe(1'000, ms(50));
  Nanos probing{0};
  for (std::int64_t i = 0; i < 3'200; ++i) {
    pipe.run_until(ms(10 * i));
    if (pipe.window().size == 4) probing += ms(10);
  }
  // Three times in 32 seconds: until the rest has arrived, 200 ms and a round trip.
  CHECK(probing >= ms(2 * 200));
  CHECK(probing <= ms(3 * 350));
}

TEST_CASE("BBR follows a rate that rises and one that falls", "[congestion]") {
  Pipe pipe(2'000, ms(40));
  pipe.run_until(ms(3'000));
  pipe.set_rate(4'000);
  pipe.run_until(ms(6'000));  // a quarter more in every cycle of some 8 round trips
  CHECK(usual_pace(pipe, ms(6'000)) == Approx(0.99 * 4'000).epsilon(0.02));
  pipe.set_rate(1'000);
  pipe.run_until(ms(13'000));  // the old rate counts for ten round trips, which are longer now
  CHECK(usual_pace(pipe, ms(13'000)) == Approx(0.99 * 1'000).epsilon(0.02));
}

}  // namespace
}  // namespace strait
