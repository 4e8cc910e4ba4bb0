// What the models of links cost: flow events per second, a day of small syncs, and memory. Not a
// test: it prints, it does not judge.
//
//   cmake --build build/release --target netsim_bench && build/release/netsim_bench
//
// On 2 cores (one used), CPU-seconds; M events a second:
//                                     cubic   bbr
//   4 islands, in step                  9.8   7.8
//   64 islands, in step                 5.5   3.3
//   64 islands, all different           4.4   3.1
//   64 islands, 1 Gbit/s                2.8   1.5
//   1000 islands, 8 peers each          1.8   1.3   8,000 flows, 39 MiB in all (63 with bbr)
//   1000 islands, 10,000 links          1.7   1.5   a link of each pair, both ways; 43 MiB (68)
//   a day of 64 islands' syncs of 16 KiB, one a minute: over a hub 0.3 s (3.0 M events), each with
//   each 9 s (58 M events)
// Ideal links need a fiftieth to a thousandth of the events for the same bytes.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>  // tidy: a benchmark reads the clock
#include <ctime>
#include <functional>
#include <map>
#include <utility>

#include "core/base/rng.h"
#include "netsim/links.h"

namespace strait {
namespace {

constexpr Bytes kHeader = 66;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Islands with an access link each, all alike or slightly different.
void add_islands(Links& model, int islands, BytesPerSecond rate, Nanos delay, bool alike) {
  Rng rng(1, "netsim_bench");
  for (int i = 0; i < islands; ++i) {
    const auto off = static_cast<std::int64_t>(alike ? 0 : rng.below(1'000'000));
    const LinkOptions link{
        .rate = {rate.value + off},
        .delay = delay + Nanos{off},
        .queue = std::max<Bytes>(64 * (1448 + kHeader),
                                 rate.value / 1000 * (4 * delay).count() / 1'000'000)};
    model.add_link(link);
    model.add_link(link);
  }
}

Links::Connection connect(Links& model, int from, int to) {
  const LinkId forward[] = {static_cast<LinkId>(2 * from), static_cast<LinkId>(2 * to + 1)};
  const LinkId backward[] = {static_cast<LinkId>(2 * to), static_cast<LinkId>(2 * from + 1)};
  return model.connect(forward, backward, Nanos{0},
                       static_cast<std::uint64_t>(from) << 20 | static_cast<std::uint64_t>(to));
}

struct Ignore : LinkSink {
  void opened(FlowId, Nanos) override {}
  void departed(FlowId, Bytes, Nanos) override {}
  void arrived(FlowId, Bytes, Nanos) override {}
  void closed(FlowId, Nanos) override {}
};

void run_dry(Links& model, LinkSink& sink) {
  for (Nanos next = model.next_event(); next != kNever; next = model.next_event()) {
    model.advance(next, sink);
  }
}

// --- all to all ---

struct Case {
  const char* name;
  int islands;
  int peers;  // of each
  std::int64_t mbit;
  int exchanges;
  Bytes chunk;
  bool alike;          // all links alike, all offers in one instant
  bool pairs = false;  // a link of each pair and direction instead of access links
};

/// By connection i: its own two links, or those of its islands.
std::vector<FlowId> connect_all(Links& model, const Case& c) {
  const Nanos delay{10'000'000};
  std::vector<FlowId> flows;
  // Links 2i and 2i + 1 are there and back of connection i, or up and down of island i.
  add_islands(model, c.pairs ? c.islands * c.peers / 2 : c.islands, megabits(c.mbit),
              c.pairs ? 2 * delay : delay, c.alike);
  for (int i = 0; c.pairs && i < c.islands * c.peers / 2; ++i) {
    const LinkId there[] = {static_cast<LinkId>(2 * i)}, back[] = {static_cast<LinkId>(2 * i + 1)};
    const auto ends = model.connect(there, back, Nanos{0}, static_cast<std::uint64_t>(i));
    flows.insert(flows.end(), {ends.forward, ends.backward});
  }
  for (int from = 0; !c.pairs && from < c.islands; ++from) {
    for (int k = 1; k <= c.peers; ++k) {
      flows.push_back(connect(model, from, (from + k) % c.islands).forward);
    }
  }
  return flows;
}

void exchange(const Case& c, const char* tcp) {
  const auto model = make_links({.congestion = congestion_of(tcp)}, 1);
  const std::vector<FlowId> flows = connect_all(*model, c);
  Ignore sink;
  model->advance(Nanos{1'000'000'000}, sink);  // the handshakes
  Rng rng(1, "offers");
  const double start = cpu_seconds();
  for (int i = 0; i < c.exchanges; ++i) {
    Nanos now = model->now();
    for (const FlowId flow : flows) {
      if (!c.alike)
        model->advance(now += Nanos{static_cast<std::int64_t>(rng.below(50'000))}, sink);
      model->offer(flow, c.chunk, now);
    }
    run_dry(*model, sink);
    model->advance(model->now() + Nanos{1'000'000'000}, sink);
  }
  const double cpu = cpu_seconds() - start;
  const auto events = static_cast<double>(model->events());
  fmt::print(
      "{:<30} {:<6} {:>6} flows {:>9.0f} events {:>7.2f} CPU-s {:>6.2f} M events/s {:>6.0f} MiB\n",
      c.name, tcp, flows.size(), events, cpu, events / cpu * 1e-6, peak_mib());
}

// --- a day of syncs ---

/// Islands that exchange 16 KiB each, once a minute: over a hub, or each with each.
class Day : public LinkSink {
 public:
  Day(int islands, bool star) : islands_(islands), star_(star), model_(make_links({}, 1)) {
    add_islands(*model_, islands, megabits(100), Nanos{10'000'000}, true);
    for (int a = 0; a < islands; ++a) {
      for (int b = a + 1; b < (star ? (a == 0 ? islands : a + 1) : islands); ++b) {
        const auto ends = connect(*model_, a, b);
        add(ends.forward, a, b);
        add(ends.backward, b, a);
      }
    }
  }

  void run(int syncs) {
    const double start = cpu_seconds();
    for (int i = 1; i <= syncs; ++i) {
      model_->advance(Nanos{60'000'000'000} * i, *this);
      got_.assign(static_cast<std::size_t>(islands_), 0);
      for (int island = star_ ? 1 : 0; island < islands_; ++island) send(island);
      while (model_->next_event() < Nanos{60'000'000'000} * (i + 1) &&
             model_->next_event() != kNever) {
        model_->advance(model_->next_event(), *this);
        for (const int island : std::exchange(ready_, {})) send(island);
      }
    }
    const double cpu = cpu_seconds() - start;
    fmt::print(
        "a day of {} islands, {:<9} {:>6} syncs {:>9} events {:>7.2f} CPU-s {:>6.2f} M events/s\n",
        islands_, star_ ? "star" : "two_phase", syncs, model_->events(), cpu,
        static_cast<double>(model_->events()) / cpu * 1e-6);
  }

 private:
  static constexpr Bytes kPayload = 16 << 10;

  void add(FlowId flow, int from, int to) {
    if (index_of(flow) >= to_.size()) to_.resize(index_of(flow) + 1);
    to_[index_of(flow)] = to;
    flows_[from].push_back(flow);
  }

  void send(int island) {
    for (const FlowId flow : flows_[island]) {
      model_->offer(flow, star_ ? kPayload : kPayload / islands_, model_->now());
    }
  }

  void opened(FlowId, Nanos) override {}
  void departed(FlowId, Bytes, Nanos) override {}
  void closed(FlowId, Nanos) override {}
  void arrived(FlowId flow, Bytes, Nanos) override {
    const int island = to_[index_of(flow)];
    // The second phase begins when all of the first is there.
    if (++got_[static_cast<std::size_t>(island)] == islands_ - 1) ready_.push_back(island);
  }

  int islands_;
  bool star_;
  std::unique_ptr<Links> model_;
  std::vector<int> to_;
  std::map<int, std::vector<FlowId>> flows_;
  std::vector<int> got_;
  std::vector<int> ready_;
};

}  // namespace
}  // namespace strait

int main() {
  using strait::Day, strait::exchange;
  for (const char* tcp : {"cubic", "bbr", "ideal"}) {
    exchange({"4 islands, in step", 4, 3, 20, 400, 768 << 10, true}, tcp);
    exchange({"64 islands, in step", 64, 63, 20, 3, 64 << 10, true}, tcp);
    exchange({"64 islands, all different", 64, 63, 20, 3, 64 << 10, false}, tcp);
    exchange({"64 islands, 1 Gbit/s", 64, 63, 1'000, 3, 1 << 20, false}, tcp);
    exchange({"1000 islands, 8 peers", 1'000, 8, 100, 3, 256 << 10, false}, tcp);
    exchange({"1000 islands, 10,000 links", 1'000, 10, 100, 3, 256 << 10, false, true}, tcp);
  }
  Day(64, true).run(1'440);
  Day(64, false).run(1'440);
}
