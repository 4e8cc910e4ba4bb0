// TransportPair: two transports over a pipe with spies between, on a loop without islands, and what
// came of their operations.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "backends/loopback/pipe.h"
#include "core/base/rng.h"
#include "core/comm/transport.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"
#include "tests/support/spy_network.h"

namespace strait {

inline constexpr PeerId kA = peer_of(0), kB = peer_of(1), kC = peer_of(2);
inline constexpr Tag kData1 = 1, kData2 = 2;
inline const Tag kControl1 = make_tag({.plane = TagPlane::kMember});

/// What came of an operation.
template <class T>
struct Result {
  std::optional<Outcome<T>> outcome;
  int times = 0;

  bool done() const { return outcome.has_value(); }
  bool ok() const { return done() && outcome->ok(); }
  std::string why() const {
    return !done() ? "nothing" : outcome->ok() ? "ok" : outcome->failure().what;
  }
  FailureKind kind() const { return outcome->failure().kind; }
};

template <class T>
Async<Done> store(Pending<Outcome<T>> pending, Result<T>& result) {
  Outcome<T> outcome = co_await pending;
  result.outcome.emplace(std::move(outcome));
  ++result.times;
  co_return Done{};
}

/// Two transports, A and B, and place for strangers as peer C.
struct TransportPair {
  explicit TransportPair(TransportOptions a = {}, TransportOptions b = {},
                         SpyNetwork::Delay delay = nullptr, PipeOptions pipe = {})
      : network(loop, 4, pipe),
        spy_a(loop, network.endpoint(kA), delay),
        spy_b(loop, network.endpoint(kB), delay) {
    a.self = kA;
    b.self = kB;
    at_a.emplace(loop, spy_a, ledger, trace, a);
    at_b.emplace(loop, spy_b, ledger, trace, b);
    at_a->connect({kA, kB});
    at_b->connect({kA, kB});
  }

  Result<Done>& send(Transport& from, Tag tag, Slice message, Cause cause = Cause::kPayload) {
    auto pending = from.send({.to = from.self() == kA ? kB : kA, .tag = tag, .cause = cause},
                             std::move(message));
    CHECK_FALSE(pending.done());  // never inside the call
    return keep(sends, std::move(pending));
  }
  Result<Slice>& receive(Transport& at, Tag tag, Bytes length) {
    auto pending = at.receive(at.self() == kA ? kB : kA, tag, length);
    CHECK_FALSE(pending.done());
    return keep(receives, std::move(pending));
  }
  /// Long enough for everything; who has lost its peer dials for ever.
  void run() { loop.run_until(loop.now() + std::chrono::minutes(1)); }

  template <class T>
  Result<T>& keep(std::deque<Result<T>>& list, Pending<Outcome<T>> pending) {
    Result<T>& result = list.emplace_back();
    scope.spawn(store(std::move(pending), result));
    return result;
  }

  PlainLoop loop;
  Trace trace;
  Ledger ledger;
  PipeNetwork network;
  SpyNetwork spy_a, spy_b;
  std::deque<Result<Done>> sends;
  std::deque<Result<Slice>> receives;
  std::optional<Transport> at_a, at_b;
  Scope scope;
};

inline std::vector<std::byte> noise(std::size_t count, std::uint64_t seed) {
  Rng rng(seed, "noise");
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::byte>(rng.next());
  return bytes;
}

inline bool equal(const Result<Slice>& got, const std::vector<std::byte>& wanted) {
  if (!got.ok()) return false;
  const auto& bytes = got.outcome->value().bytes;
  return std::equal(bytes.begin(), bytes.end(), wanted.begin(), wanted.end());
}

}  // namespace strait
