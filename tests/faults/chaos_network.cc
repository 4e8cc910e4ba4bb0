#include "tests/faults/chaos_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <utility>

#include "core/base/check.h"

namespace strait {

namespace {

constexpr std::size_t other(std::size_t side) { return 1 - side; }

/// Keeps a slice's memory and counts that it does.
struct Counted {
  Counted(std::shared_ptr<const void> h, ChaosNetwork::Counter c)
      : hold(std::move(h)), counter(std::move(c)) {
    ++*counter;
  }
  ~Counted() { --*counter; }

  std::shared_ptr<const void> hold;
  ChaosNetwork::Counter counter;
};

}  // namespace

struct ChaosNetwork::Parcel {
  Nanos due{0};
  Slice slice;                 // bytes, if there are any
  std::optional<Failure> end;  // or the end of the connection; else it asks for one
};

struct ChaosNetwork::Wire {
  struct End {
    PeerId peer{};
    StreamEvents* events = nullptr;
    bool gone = false;            // its stream is destroyed, or never was
    bool full = false;            // room() was not positive
    Bytes under_way = 0;          // offered here, not yet handed over there
    Bytes handed_over = 0;        // likewise, and handed over
    std::deque<Parcel> incoming;  // in the order of arrival
    Nanos last{0};                // when the last one of them arrives
    bool armed = false;           // a timer will look at them
  };
  std::array<End, 2> ends;  // the dialling one first
  Plane plane{};
  bool broken = false;  // takes nothing more
  std::vector<std::byte> hello;
  int hello_slices = 0;

  bool dead() const {
    return ends[0].gone && ends[1].gone && ends[0].incoming.empty() && ends[1].incoming.empty();
  }
};

class ChaosNetwork::EndStream final : public Stream {
 public:
  EndStream(std::shared_ptr<ChaosNetwork*> network, Shared wire, std::size_t side)
      : network_(std::move(network)), wire_(std::move(wire)), side_(side) {}
  ~EndStream() override {
    if (*network_ != nullptr) (*network_)->destroyed(wire_, side_);
  }
  EndStream(const EndStream&) = delete;
  EndStream& operator=(const EndStream&) = delete;

  void listen(StreamEvents& events) override { wire_->ends[side_].events = &events; }
  void offer(Slice head, Slice body) override {
    for (Slice* slice : {&head, &body}) {  // each on its own: faults come between them, too
      if (*network_ != nullptr) (*network_)->offer(wire_, side_, std::move(*slice));
    }
  }
  Bytes room() const override {
    return *network_ == nullptr ? 0 : (*network_)->room(*wire_, side_);
  }
  std::optional<StreamFigures> figures() const override {
    if (*network_ == nullptr || wire_->broken) return std::nullopt;
    return (*network_)->figures(*wire_, side_);
  }

 private:
  std::shared_ptr<ChaosNetwork*> network_;
  Shared wire_;
  std::size_t side_;
};

class ChaosNetwork::Endpoint final : public Network {
 public:
  Endpoint(ChaosNetwork& network, PeerId self) : network_(network), self_(self) {}

  void listen(Accept accept) override {
    network_.listeners_[static_cast<std::size_t>(index_of(self_))] = std::move(accept);
  }

  std::unique_ptr<Stream> dial(PeerId to, Plane plane) override {
    Shared wire = network_.connect(self_, to, plane);
    network_.push(wire, 1, {});
    return std::make_unique<EndStream>(network_.alive_, std::move(wire), 0);
  }

 private:
  ChaosNetwork& network_;
  PeerId self_;
};

// ---------------------------------------------------------------------------------------------
// Building

ChaosNetwork::ChaosNetwork(Loop& loop, Trace& trace, ChaosOptions options, Counter slices_alive)
    : loop_(loop),
      trace_(trace),
      options_(std::move(options)),
      alive_slices_(std::move(slices_alive)),
      rng_(options_.seed, "chaos network"),
      pairs_(static_cast<std::size_t>(options_.peers * options_.peers)),
      listeners_(static_cast<std::size_t>(options_.peers)),
      alive_(std::make_shared<ChaosNetwork*>(this)) {
  const auto spread =
      static_cast<std::uint64_t>((options_.delay_most - options_.delay_least).count());
  for (Pair& p : pairs_) {
    p.delay = options_.delay_least + Nanos(static_cast<std::int64_t>(rng_.below(spread + 1)));
  }
  for (int peer = 0; peer < options_.peers; ++peer) {
    endpoints_.push_back(std::make_unique<Endpoint>(*this, static_cast<PeerId>(peer)));
  }
}

ChaosNetwork::~ChaosNetwork() {
  *alive_ = nullptr;
  listeners_.clear();
  for (const Shared& wire : wires_) {
    for (Wire::End& end : wire->ends) {
      const auto dropped = std::exchange(end.incoming, {});
    }
  }
}

Network& ChaosNetwork::endpoint(PeerId peer) {
  return *endpoints_.at(static_cast<std::size_t>(index_of(peer)));
}

PauseSchedule ChaosNetwork::pauses(PeerId peer) const {
  const auto n = static_cast<std::size_t>(index_of(peer));
  return n < options_.pauses.size() ? options_.pauses[n] : PauseSchedule();
}

ChaosNetwork::Pair& ChaosNetwork::pair(PeerId from, PeerId to) {
  return pairs_.at(static_cast<std::size_t>(index_of(from) * options_.peers + index_of(to)));
}

ChaosNetwork::Shared ChaosNetwork::connect(PeerId from, PeerId to, Plane plane) {
  auto wire = std::make_shared<Wire>();
  wire->ends[0].peer = from;
  wire->ends[1].peer = to;
  wire->ends[1].gone = true;  // until the dial has arrived
  wire->plane = plane;
  forget_dead_wires();
  wires_.push_back(wire);
  return wire;
}

void ChaosNetwork::forget_dead_wires() {
  std::erase_if(wires_, [](const Shared& wire) { return wire->dead(); });
}

// ---------------------------------------------------------------------------------------------
// Bytes on their way

Slice ChaosNetwork::counted(Slice slice) const {
  const void* name = slice.hold.get();
  auto keeper = std::make_shared<const Counted>(std::move(slice.hold), alive_slices_);
  // Under the name of the memory that it keeps: receivers join neighbours of one hold.
  return {slice.bytes, std::shared_ptr<const void>(std::move(keeper), name)};
}

Bytes ChaosNetwork::room(const Wire& wire, std::size_t side) const {
  return options_.send_buffer - wire.ends[side].under_way;
}

/// As if buffers were the limit, so that more connections are worth a try.
StreamFigures ChaosNetwork::figures(const Wire& wire, std::size_t side) const {
  constexpr Nanos kRtt{1'000'000};
  return {.acked = wire.ends[side].handed_over,
          .rtt = kRtt,
          .least_rtt = kRtt,
          .busy = loop_.now(),
          .held_up = loop_.now()};
}

Nanos ChaosNetwork::due(const Wire& wire, std::size_t to) {
  const Pair& p = pair(wire.ends[other(to)].peer, wire.ends[to].peer);
  Nanos later{0};
  if (one_in(4)) {
    later = Nanos(static_cast<std::int64_t>(
        rng_.below(static_cast<std::uint64_t>(options_.jitter.count()) + 1)));
  }
  return std::max(wire.ends[to].last, loop_.now() + p.delay + p.extra + later);
}

void ChaosNetwork::offer(const Shared& wire, std::size_t side, Slice slice) {
  if (slice.size() == 0) return;
  Wire::End& end = wire->ends[side];
  const PeerId to = wire->ends[other(side)].peer;
  if (side == 0 && wire->hello_slices < 2) {
    wire->hello.insert(wire->hello.end(), slice.bytes.begin(), slice.bytes.end());
    if (++wire->hello_slices == 2) pair(end.peer, to).hellos.push_back(wire->hello);
  }
  if (spy_) spy_(end.peer, to, wire->plane, slice);
  if (wire->broken) return;
  trace_.add({loop_.now(), TraceKind::kOffered, index_of(end.peer), index_of(to), slice.size()});
  end.under_way += slice.size();
  if (room(*wire, side) <= 0) end.full = true;
  Slice whole = counted(std::move(slice));
  if (whole.size() > 1 && one_in(16)) {
    const auto cut = static_cast<std::size_t>(rng_.below(whole.bytes.size() - 1)) + 1;
    push(wire, other(side), {.slice = whole.part(0, cut)});
    whole = whole.part(cut, whole.bytes.size() - cut);
  }
  push(wire, other(side), {.slice = std::move(whole)});
}

void ChaosNetwork::push(const Shared& wire, std::size_t to, Parcel parcel) {
  Wire::End& end = wire->ends[to];
  end.last = parcel.due = due(*wire, to);
  end.incoming.push_back(std::move(parcel));
  if (!end.armed) arm(wire, to, end.incoming.front().due);
}

void ChaosNetwork::arm(const Shared& wire, std::size_t to, Nanos when) {
  wire->ends[to].armed = true;
  loop_.at(when, [alive = alive_, wire, to] {
    wire->ends[to].armed = false;
    if (*alive != nullptr) (*alive)->drain(wire, to);
  });
}

void ChaosNetwork::drain(const Shared& wire, std::size_t to) {
  Wire::End& end = wire->ends[to];
  const PauseSchedule standing = pauses(end.peer);
  while (!end.incoming.empty()) {
    if (pair(wire->ends[other(to)].peer, end.peer).blocked > 0) return;  // unblock() comes back
    const Nanos when = standing.resume(std::max(end.incoming.front().due, loop_.now()));
    if (when > loop_.now()) {
      if (!end.armed) arm(wire, to, when);
      return;
    }
    Parcel parcel = std::move(end.incoming.front());
    end.incoming.pop_front();
    deliver(wire, to, std::move(parcel));
  }
}

void ChaosNetwork::deliver(const Shared& wire, std::size_t to, Parcel parcel) {
  Wire::End& end = wire->ends[to];
  Wire::End& from = wire->ends[other(to)];
  if (parcel.end) {
    const auto events = std::exchange(end.events, nullptr);
    if (events != nullptr) events->closed(*parcel.end);
    return;
  }
  const Bytes size = parcel.slice.size();
  if (size == 0) return connected(wire);
  from.under_way -= size;
  from.handed_over += size;
  if (end.events != nullptr) {
    trace_.add({loop_.now(), TraceKind::kArrived, index_of(from.peer), index_of(end.peer), size});
    end.events->arrived(std::move(parcel.slice));
  }
  if (!from.full || from.under_way >= options_.send_buffer) return;
  from.full = false;
  if (from.events != nullptr) from.events->writable();
}

/// The dial has arrived.
void ChaosNetwork::connected(const Shared& wire) {
  const PeerId to = wire->ends[1].peer;
  // A copy: the peer may listen anew meanwhile.
  const Network::Accept accept = listeners_[static_cast<std::size_t>(index_of(to))];
  if (!accept) {
    return break_down(
        wire, {FailureKind::kRefused, fmt::format("peer {} does not listen", index_of(to))});
  }
  wire->ends[1].gone = false;
  accept(wire->ends[0].peer, std::make_unique<EndStream>(alive_, wire, 1));
}

// ---------------------------------------------------------------------------------------------
// Ends

/// Each end that is there hears of it when what was on its way to it has arrived, or instead.
void ChaosNetwork::break_down(const Shared& wire, const Failure& why) {
  if (wire->broken) return;
  wire->broken = true;
  for (std::size_t side = 0; side < 2; ++side) {
    Wire::End& end = wire->ends[side];
    if (end.gone && side == 0) continue;
    if (one_in(2)) std::exchange(end.incoming, {}).clear();
    push(wire, side, {.slice = {}, .end = why});
  }
}

void ChaosNetwork::destroyed(const Shared& wire, std::size_t side) {
  Wire::End& end = wire->ends[side];
  end.gone = true;
  end.events = nullptr;
  std::exchange(end.incoming, {}).clear();
  if (wire->broken) return;
  wire->broken = true;
  Wire::End& there = wire->ends[other(side)];
  if (one_in(2)) std::exchange(there.incoming, {}).clear();
  push(wire, other(side),
       {.slice = {},
        .end = Failure{FailureKind::kClosed,
                       fmt::format("peer {} reset the connection", index_of(end.peer))}});
}

// ---------------------------------------------------------------------------------------------
// Faults

void ChaosNetwork::reset(PeerId a, PeerId b, bool all) {
  std::vector<Shared> between;
  for (const Shared& wire : wires_) {
    const PeerId from = wire->ends[0].peer, to = wire->ends[1].peer;
    const bool meant = (from == a && to == b) || (from == b && to == a);
    if (meant && !wire->broken) between.push_back(wire);
  }
  if (between.empty()) return;
  if (!all) between = {between[static_cast<std::size_t>(rng_.below(between.size()))]};
  for (const Shared& wire : between) {
    break_down(wire, {FailureKind::kClosed, "the connection was reset on its way"});
  }
}

void ChaosNetwork::delay(PeerId from, PeerId to, Nanos extra) { pair(from, to).extra = extra; }

void ChaosNetwork::block(PeerId from, PeerId to) { ++pair(from, to).blocked; }

void ChaosNetwork::unblock(PeerId from, PeerId to) {
  if (--pair(from, to).blocked > 0) return;
  for (const Shared& wire : wires_) {
    for (std::size_t side = 0; side < 2; ++side) {
      if (wire->ends[side].peer != to || wire->ends[other(side)].peer != from) continue;
      if (!wire->ends[side].armed) arm(wire, side, loop_.now());
    }
  }
}

bool ChaosNetwork::say_hello_again(PeerId from, PeerId to, bool last, Nanos lasts) {
  const auto& hellos = pair(from, to).hellos;
  if (hellos.empty()) return false;
  const std::size_t which =
      last ? hellos.size() - 1 : static_cast<std::size_t>(rng_.below(hellos.size()));
  const Shared wire = connect(from, to, Plane::kControl);
  wire->ends[0].gone = true;
  wire->hello_slices = 2;
  push(wire, 1, {});
  const auto bytes = std::make_shared<const std::vector<std::byte>>(hellos[which]);
  wire->ends[0].under_way += std::ssize(*bytes);
  push(wire, 1, {.slice = counted({*bytes, bytes})});
  loop_.at(loop_.now() + lasts, [alive = alive_, wire] {
    if (*alive == nullptr) return;
    (*alive)->break_down(wire, {FailureKind::kClosed, "nobody is at the other end"});
  });
  return true;
}

}  // namespace strait
