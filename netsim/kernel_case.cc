#include "netsim/kernel_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/base/check.h"
#include "netsim/relay_losses.h"
#include "netsim/tcp_links.h"

namespace strait {
namespace {

constexpr std::uint64_t kStartsWithin = 100'000;  // ns
constexpr Bytes kGoAhead = 1;  // what the receiver answers after the transfer that came before

TcpOptions tcp_of(const KernelCase& c) {
  TcpOptions tcp;
  // The kernel's book-keeping takes a quarter of the send buffer (measured at 2 MB) and half of
  // the receive buffer (tcp_adv_win_scale = 1).
  tcp.window_cap = std::min(c.send_buffer / 4 * 3, c.receive_buffer / 2);
  tcp.tuned_receive_window = true;
  tcp.idle_restart = c.idle_restart;
  tcp.congestion = congestion_of(c.congestion_control);
  return tcp;
}

class Transfer : public LinkSink {
 public:
  Transfer(const KernelCase& c, std::uint64_t seed)
      : case_(c), model_(tcp_of(c), seed), starts_(seed, "starts") {
    for (int host = 0; host < c.hosts; ++host) {
      LinkOptions up{c.up, c.rtt / 2, 0, fmt::format("{}/up", host), c.queue};
      if (c.lossy()) up.loses = RelayLosses(c, seed, host);
      model_.add_link(up);
      model_.add_link({c.down, Nanos{0}, 0, fmt::format("{}/down", host), c.queue});
    }
    std::uint64_t key = 0;
    for (const auto& [from, to] : c.ends()) {
      const LinkId forward[] = {up(from), down(to)}, backward[] = {up(to), down(from)};
      flows_.push_back({.ends = model_.connect(forward, backward, Nanos{0}, key++)});
    }
    script();
  }

  KernelCaseRun run() {
    while (!finished_) {
      const Nanos next =
          std::min(model_.next_event(), todo_.empty() ? kNever : todo_.begin()->first);
      STRAIT_CHECK(next != kNever, "case {}: nothing more happens", case_.id);
      model_.advance(next, *this);
      while (!todo_.empty() && todo_.begin()->first <= next) {
        const auto now = todo_.extract(todo_.begin());
        now.mapped()();
      }
    }
    KernelCaseRun result{.time = last_arrival_ - start_};
    for (int host = 0; host < case_.hosts; ++host) {
      result.wire_bytes += model_.counters(up(host)).everything();
    }
    return result;
  }

 private:
  struct Flow {
    TcpLinks::Connection ends;
    int pieces_sent = 0;
    int pieces = 0;  // that have arrived
  };

  static LinkId up(int host) { return static_cast<LinkId>(2 * host); }
  static LinkId down(int host) { return static_cast<LinkId>(2 * host + 1); }

  void at(Nanos time, std::function<void()> what) { todo_.emplace(time, std::move(what)); }
  void on_uplinks(const std::function<void(LinkId)>& what) {
    for (int host = 0; host < case_.hosts; ++host) what(up(host));
  }

  void script() {
    if (case_.outage) {
      const auto set = [this](bool up_again) {
        on_uplinks([&](LinkId link) { model_.set_up(link, up_again, model_.now()); });
      };
      at(case_.outage->start, [=] { set(false); });
      at(case_.outage->start + case_.outage->duration, [=] { set(true); });
    }
    for (const auto& [offset, rate] : case_.rates) repeat_rate(offset, rate);
  }

  void repeat_rate(Nanos time, BytesPerSecond rate) {
    at(time, [this, time, rate = rate] {
      on_uplinks([&](LinkId link) { model_.set_rate(link, rate, model_.now()); });
      repeat_rate(time + case_.period, rate);
    });
  }

  // --- the story: connect, perhaps a transfer before, wait, the transfer ---

  void opened(FlowId id, Nanos time) override {
    if (!is_forward(id) || ++open_ < flows_.size()) return;
    at(time, [this] { case_.idle_before ? transfer() : start(); });
  }

  void start() {
    start_ = model_.now();
    for (Flow& flow : flows_) flow.pieces = flow.pieces_sent = 0;
    transfer();
  }

  void transfer() {
    Nanos later{0};
    for (Flow& flow : flows_) {
      at(model_.now() + later, [this, &flow] { send(flow); });
      later = Nanos{static_cast<std::int64_t>(starts_.below(kStartsWithin))};
    }
  }

  void send(Flow& flow) {
    ++flow.pieces_sent;
    model_.offer(flow.ends.forward, case_.piece(), model_.now());
  }

  void arrived(FlowId id, Bytes, Nanos time) override {
    if (!is_forward(id)) {
      if (++go_aheads_ == flows_.size()) at(time + *case_.idle_before, [this] { start(); });
      return;
    }
    const auto index =
        static_cast<std::size_t>(std::find_if(flows_.begin(), flows_.end(),
                                              [&](const Flow& f) { return f.ends.forward == id; }) -
                                 flows_.begin());
    Flow& flow = flows_[index];
    if (start_ == kNever) {  // the transfer before
      at(time, [this, &flow] { model_.offer(flow.ends.backward, kGoAhead, model_.now()); });
      return;
    }
    ++flow.pieces;
    last_arrival_ = time;
    if (case_.ring) {
      Flow& next = flows_[(index + 1) % flows_.size()];
      if (next.pieces_sent < case_.pieces()) at(time, [this, &next] { send(next); });
    }
    finished_ = std::all_of(flows_.begin(), flows_.end(),
                            [&](const Flow& f) { return f.pieces == case_.pieces(); });
  }

  void departed(FlowId, Bytes, Nanos) override {}
  void closed(FlowId, Nanos) override {}

  bool is_forward(FlowId id) const {
    return std::any_of(flows_.begin(), flows_.end(),
                       [&](const Flow& flow) { return flow.ends.forward == id; });
  }

  const KernelCase& case_;
  TcpLinks model_;
  Rng starts_;
  std::vector<Flow> flows_;
  std::multimap<Nanos, std::function<void()>> todo_;  // the model is not called from its sink
  std::size_t open_ = 0;
  std::size_t go_aheads_ = 0;
  Nanos start_ = kNever;
  Nanos last_arrival_{0};
  bool finished_ = false;
};

}  // namespace

std::vector<std::pair<int, int>> KernelCase::ends() const {
  if (!ring) return flows;
  std::vector<std::pair<int, int>> neighbours;
  for (int host = 0; host < hosts; ++host) neighbours.emplace_back(host, (host + 1) % hosts);
  return neighbours;
}

KernelCaseRun run_kernel_case(const KernelCase& kernel_case, std::uint64_t seed) {
  return Transfer(kernel_case, seed).run();
}

}  // namespace strait
