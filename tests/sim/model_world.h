// Links with a log of what it says, for tests that work times out by hand.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "netsim/links.h"

namespace strait {

constexpr Nanos ms(std::int64_t n) { return Nanos{n * 1'000'000}; }

/// No headers, no windows: pure links.
inline TcpOptions ideal_tcp() {
  TcpOptions tcp;
  tcp.congestion = CongestionControl::kIdeal;
  tcp.header = 0;
  tcp.window_cap = Bytes{1} << 40;
  return tcp;
}

/// 8 Mbit/s is 10^6 bytes per second: one byte per microsecond.
inline constexpr BytesPerSecond kByteAMicrosecond{1'000'000};

struct Happening {
  enum class What { kOpened, kDeparted, kArrived, kClosed };
  What what;
  FlowId flow;
  Bytes payload;
  Nanos time;
};

class ModelWorld : public LinkSink {
 public:
  explicit ModelWorld(const TcpOptions& tcp = ideal_tcp(), std::uint64_t seed = 1)
      : owner(make_links(tcp, seed)), model(*owner) {}

  /// Links 2p (up) and 2p + 1 (down), the rest of them as of `like`.
  void add_place(BytesPerSecond up, BytesPerSecond down, Nanos delay, LinkOptions like = {}) {
    like.delay = delay;
    for (const BytesPerSecond rate : {up, down}) {
      like.rate = rate;
      model.add_link(like);
    }
  }

  static LinkId up(int place) { return static_cast<LinkId>(2 * place); }
  static LinkId down(int place) { return static_cast<LinkId>(2 * place + 1); }

  Links::Connection connect(int from, int to, Nanos now = Nanos{0}) {
    const LinkId forward[] = {up(from), down(to)};
    const LinkId backward[] = {up(to), down(from)};
    return model.connect(forward, backward, now);
  }

  void run_until(Nanos end) { model.advance(end, *this); }

  void run_until_idle() {
    for (Nanos next = model.next_event(); next != kNever; next = model.next_event()) {
      model.advance(next, *this);
    }
  }

  /// When `payload` bytes of the flow had arrived; kNever if not yet.
  Nanos arrival(FlowId flow, Bytes payload) const {
    return time_of(Happening::What::kArrived, flow, payload);
  }
  Nanos departure(FlowId flow, Bytes payload) const {
    return time_of(Happening::What::kDeparted, flow, payload);
  }
  Nanos time_of(Happening::What what, FlowId flow, Bytes payload = 0) const {
    for (const Happening& h : log) {
      if (h.what == what && h.flow == flow && h.payload == payload) return h.time;
    }
    return kNever;
  }

  std::unique_ptr<Links> owner;
  Links& model;
  std::vector<Happening> log;

 private:
  void opened(FlowId flow, Nanos time) override {
    log.push_back({Happening::What::kOpened, flow, 0, time});
  }
  void departed(FlowId flow, Bytes payload, Nanos time) override {
    log.push_back({Happening::What::kDeparted, flow, payload, time});
  }
  void arrived(FlowId flow, Bytes payload, Nanos time) override {
    log.push_back({Happening::What::kArrived, flow, payload, time});
  }
  void closed(FlowId flow, Nanos time) override {
    log.push_back({Happening::What::kClosed, flow, 0, time});
  }
};

}  // namespace strait
