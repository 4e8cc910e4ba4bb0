// How many flow events per second the link model handles: all-to-all exchanges among islands, with
// slow start, as many flows as islands * (islands - 1). Not a test: it prints, it does not judge.
//
//   build/dev/tests/bench/netsim_bench
#include <fmt/format.h>

#include <chrono>  // tidy: a benchmark reads the clock

#include "core/base/rng.h"
#include "netsim/link_model.h"

namespace strait {
namespace {

struct Counter : LinkSink {
  void opened(FlowId, Nanos) override { ++calls; }
  void departed(FlowId, Bytes, Nanos) override { ++calls; }
  void arrived(FlowId, Bytes, Nanos) override { ++calls; }
  void closed(FlowId, Nanos) override { ++calls; }
  std::int64_t calls = 0;
};

struct Case {
  const char* name;
  int islands;
  std::int64_t mbit;
  int exchanges;
  Bytes chunk;
  int chunks;
  bool same_links;  // all links alike, all offers in one instant: the easy case
};

void run(const Case& c) {
  Rng rng(1, "netsim_bench");
  LinkModel model;
  for (int i = 0; i < c.islands; ++i) {
    const auto jitter = static_cast<std::int64_t>(c.same_links ? 0 : rng.below(1'000'000));
    const LinkOptions link{{megabits(c.mbit).value + jitter}, Nanos{20'000'000 + jitter}};
    model.add_link(link);
    model.add_link(link);
  }
  std::vector<FlowId> flows;
  for (int from = 0; from < c.islands; ++from) {
    for (int to = 0; to < c.islands; ++to) {
      if (from == to) continue;
      const LinkId forward[] = {static_cast<LinkId>(2 * from), static_cast<LinkId>(2 * to + 1)};
      const LinkId backward[] = {static_cast<LinkId>(2 * to), static_cast<LinkId>(2 * from + 1)};
      flows.push_back(model.connect(forward, backward, Nanos{0}).forward);
    }
  }
  Counter sink;
  const auto start = std::chrono::steady_clock::now();
  Nanos now{0};
  for (int exchange = 0; exchange < c.exchanges; ++exchange) {
    for (const FlowId flow : flows) {
      if (!c.same_links) {
        now += Nanos{static_cast<std::int64_t>(rng.below(100'000))};
        model.advance(now, sink);
      }
      for (int i = 0; i < c.chunks; ++i) model.offer(flow, c.chunk, now);
    }
    for (Nanos next = model.next_event(); next != kNever; next = model.next_event()) {
      model.advance(now = next, sink);
    }
    now += Nanos{1'000'000'000};  // compute: long enough for windows to shrink
    model.advance(now, sink);
  }
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{:<34} {:>5} flows {:>9} events {:>7.3f} s {:>8.0f} k events/s {:>8.2f} us each\n",
             c.name, flows.size(), model.events(), wall,
             static_cast<double>(model.events()) / wall * 1e-3,
             wall * 1e6 / static_cast<double>(model.events()));
}

}  // namespace
}  // namespace strait

int main() {
  using strait::run;
  run({"4 islands, alike, in step", 4, 20, 1'200, 256 << 10, 3, true});
  run({"4 islands, all different", 4, 20, 1'200, 256 << 10, 3, false});
  run({"64 islands, alike, in step", 64, 20, 3, 64 << 10, 1, true});
  run({"64 islands, all different", 64, 20, 3, 64 << 10, 1, false});
  run({"64 islands, 1 Gbit/s, in step", 64, 1'000, 3, 1 << 20, 1, true});
  run({"64 islands, 1 Gbit/s, different", 64, 1'000, 3, 1 << 20, 1, false});
}
