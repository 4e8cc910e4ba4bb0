// What the Transport promises (core/comm/transport.h), over the pipe with spies between.
#include "core/comm/transport.h"

#include <fmt/format.h>

#include <deque>
#include <optional>

#include "backends/loopback/pipe.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"
#include "tests/support/spy_network.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr PeerId kA = peer_of(0), kB = peer_of(1), kC = peer_of(2);
constexpr Tag kData1 = 1, kData2 = 2;
const Tag kControl1 = make_tag({.plane = TagPlane::kReady});

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
struct Duo {
  explicit Duo(TransportOptions a = {}, TransportOptions b = {}, SpyNetwork::Delay delay = nullptr,
               PipeOptions pipe = {})
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
  void run() { loop.run_until_idle(); }

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

std::vector<std::byte> noise(std::size_t count, std::uint64_t seed) {
  Rng rng(seed, "noise");
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::byte>(rng.next());
  return bytes;
}

bool equal(const Result<Slice>& got, const std::vector<std::byte>& wanted) {
  if (!got.ok()) return false;
  const auto& bytes = got.outcome->value().bytes;
  return std::equal(bytes.begin(), bytes.end(), wanted.begin(), wanted.end());
}

TEST_CASE("messages of all lengths arrive as they were", "[transport]") {
  for (const bool receive_first : {true, false}) {
    Duo duo({.frame_bytes = 1000, .eager_limit = 5000}, {.frame_bytes = 1000, .eager_limit = 5000});
    Tag tag = 100;
    for (const std::size_t size : {0, 1, 39, 40, 41, 999, 1000, 1001, 5000, 5001, 60'000}) {
      for (const Bytes asked : {static_cast<Bytes>(size), kAnyLength}) {
        INFO(size << " asked for as " << asked << " first " << receive_first);
        ++tag;
        const auto bytes = noise(size, tag);
        Result<Slice>* got = receive_first ? &duo.receive(*duo.at_a, tag, asked) : nullptr;
        duo.run();
        Result<Done>& sent = duo.send(*duo.at_b, tag, make_message(bytes));
        duo.run();
        if (!receive_first) got = &duo.receive(*duo.at_a, tag, asked);
        duo.run();
        CHECK(equal(*got, bytes));
        got->outcome.reset();  // the last that holds the sender's memory
        duo.run();
        CHECK(sent.ok());
      }
    }
  }
}

TEST_CASE("control messages of a tag arrive in order", "[transport]") {
  Duo duo({.eager_limit = 50}, {.eager_limit = 50});
  for (std::size_t i = 0; i < 20; ++i) {
    duo.send(*duo.at_a, kControl1, make_message(noise(i * 7, i)), Cause::kControl);
  }
  for (std::size_t i = 0; i < 20; ++i) duo.receive(*duo.at_b, kControl1, kAnyLength);
  duo.run();
  for (std::size_t i = 0; i < 20; ++i) CHECK(equal(duo.receives[i], noise(i * 7, i)));
}

TEST_CASE("unequal lengths name both, whichever is larger", "[transport]") {
  for (const std::size_t sent : {10, 5000}) {
    for (const Bytes asked : {20, 6000}) {
      for (const bool receive_first : {true, false}) {
        INFO(sent << " " << asked << " " << receive_first);
        Duo duo({.eager_limit = 1000}, {.eager_limit = 1000});
        if (receive_first) duo.receive(*duo.at_a, kData1, asked);
        duo.run();
        duo.send(*duo.at_b, kData1, make_message(noise(sent, 1)));
        duo.run();
        if (!receive_first) duo.receive(*duo.at_a, kData1, asked);
        duo.run();
        REQUIRE(duo.receives[0].done());
        CHECK(duo.receives[0].kind() == FailureKind::kMismatch);
        CHECK(duo.receives[0].why() ==
              fmt::format("peer 2 sends {} bytes where peer 1 expects {} (tag 0000000000000001)",
                          sent, asked));
      }
    }
  }
}

TEST_CASE("nothing of a large message leaves before it is asked for", "[transport]") {
  Duo duo({.eager_limit = 1000}, {.eager_limit = 1000});
  Result<Done>& large = duo.send(*duo.at_b, kData1, make_message(noise(1001, 1)));
  Result<Done>& small = duo.send(*duo.at_b, kData2, make_message(noise(1000, 2)));
  duo.run();
  CHECK(duo.ledger.total(Cause::kPayload) == 1000);
  CHECK_FALSE(large.done());
  CHECK_FALSE(small.done());  // the pipe passes the memory on, and nobody has taken it
  duo.receive(*duo.at_a, kData2, 1000);
  duo.receive(*duo.at_a, kData1, 1001);
  duo.run();
  CHECK(duo.ledger.total(Cause::kPayload) == 2001);
  CHECK(equal(duo.receives[1], noise(1001, 1)));
}

TEST_CASE("a small message overtakes a large one", "[transport]") {
  Duo duo({.frame_bytes = 100}, {.frame_bytes = 100}, nullptr, {.send_buffer = 200});
  Result<Slice>& large = duo.receive(*duo.at_a, kData1, 100'000);
  Result<Slice>& small = duo.receive(*duo.at_a, kData2, 10);
  duo.send(*duo.at_b, kData1, make_message(noise(100'000, 1)));
  duo.send(*duo.at_b, kData2, make_message(noise(10, 2)));
  while (!small.done()) duo.loop.run_one();
  CHECK_FALSE(large.done());
  duo.run();
  CHECK(large.ok());
}

TEST_CASE("messages over several connections that reorder are whole", "[transport]") {
  const std::uint64_t seed = 5;
  INFO("seed " << seed);
  Rng rng(seed, "striping");
  TransportOptions options{.frame_bytes = 300, .eager_limit = 4000, .data_connections = 4};
  Duo duo(options, options, [](int n) { return Nanos{(n * 7 % 5) * 1'000'000}; },
          {.send_buffer = 1000});
  std::vector<std::vector<std::byte>> messages;
  for (Tag tag = 0; tag < 60; ++tag) {
    messages.push_back(noise(rng.below(12'000), tag));
    duo.receive(*duo.at_a, tag,
                rng.below(2) == 0 ? kAnyLength : static_cast<Bytes>(messages.back().size()));
  }
  for (Tag tag = 0; tag < 60; ++tag) duo.send(*duo.at_b, tag, make_message(messages[tag]));
  for (int i = 0; i < 10; ++i) {
    duo.send(*duo.at_b, kControl1, make_message(noise(100, static_cast<std::uint64_t>(i))));
  }
  for (int i = 0; i < 10; ++i) duo.receive(*duo.at_a, kControl1, 100);
  duo.run();
  for (std::size_t m = 0; m < 60; ++m) CHECK(equal(duo.receives[m], messages[m]));
  for (std::size_t i = 0; i < 10; ++i) CHECK(equal(duo.receives[60 + i], noise(100, i)));
  int used = 0;
  for (const Bytes bytes : duo.spy_b.by_connection) used += bytes > 5000;
  CHECK(used == 4);
}

/// Counts how often its memory was let go.
Slice counted(std::size_t size, int& freed) {
  auto memory = std::shared_ptr<std::vector<std::byte>>(new std::vector<std::byte>(size),
                                                        [&freed](std::vector<std::byte>* p) {
                                                          ++freed;
                                                          delete p;
                                                        });
  const std::span<const std::byte> bytes(*memory);
  return {bytes, std::move(memory)};
}

TEST_CASE("memory is let go once, before the send completes", "[transport]") {
  for (const std::size_t size : {0, 10, 3000}) {
    int freed = 0;
    Duo duo({.frame_bytes = 1000}, {.frame_bytes = 1000});
    Result<Done>& sent = duo.send(*duo.at_b, kData1, counted(size, freed));
    duo.run();
    CHECK(freed == (size == 0 ? 1 : 0));
    CHECK(sent.done() == (size == 0));
    Result<Slice>& got = duo.receive(*duo.at_a, kData1, kAnyLength);
    duo.run();
    CHECK(got.ok());
    CHECK(freed == (size == 0 ? 1 : 0));  // the receiver reads the sender's memory
    got.outcome.reset();
    CHECK(freed == 1);
    duo.run();
    CHECK(sent.ok());
  }
}

enum class End { kCloseA, kCloseB, kDestroyA, kDestroyB };

TEST_CASE("everything completes exactly once at the end", "[transport]") {
  for (const End end : {End::kCloseA, End::kCloseB, End::kDestroyA, End::kDestroyB}) {
    for (const int events : {0, 1, 2, 5, 10, 20, 1000}) {
      INFO(static_cast<int>(end) << " after " << events);
      int freed = 0;
      TransportOptions options{.frame_bytes = 1000, .eager_limit = 2000};
      Duo duo(options, options, nullptr, {.send_buffer = 1500});
      duo.run();  // connected: who never came cannot go
      duo.send(*duo.at_a, kData1, counted(2000, freed));
      duo.send(*duo.at_a, kData2, counted(9000, freed));  // waits to be asked for
      duo.send(*duo.at_b, kData1, counted(9000, freed));
      duo.send(*duo.at_b, kControl1, counted(10, freed));
      duo.receive(*duo.at_a, kData1, 9000);
      duo.receive(*duo.at_a, 77, 10);
      duo.receive(*duo.at_b, 78, kAnyLength);
      for (int i = 0; i < events; ++i) duo.loop.run_one();
      switch (end) {
        case End::kCloseA: duo.at_a->close(); break;
        case End::kCloseB: duo.at_b->close(); break;
        case End::kDestroyA: duo.at_a.reset(); break;
        case End::kDestroyB: duo.at_b.reset(); break;
      }
      duo.run();
      for (auto* at : {&duo.at_a, &duo.at_b}) {
        if (!*at) continue;
        Result<Done>& late = duo.send(**at, 99, counted(1, freed));
        Result<Slice>& never = duo.receive(**at, 99, 1);
        duo.run();
        CHECK(late.kind() == FailureKind::kClosed);
        CHECK(never.kind() == FailureKind::kClosed);
      }
      const int sends = static_cast<int>(duo.sends.size());
      for (auto& receive : duo.receives) {
        CHECK(receive.times == 1);
        receive.outcome.reset();
      }
      duo.run();
      for (const auto& send : duo.sends) CHECK(send.times == 1);
      CHECK(freed == sends);
    }
  }
}

TEST_CASE("cancelled tags fail on this side and are ignored later", "[transport]") {
  int freed = 0;
  Duo duo({.eager_limit = 100}, {.eager_limit = 100});
  const TagFields exchange{.plane = TagPlane::kResult, .fragment = 3, .round = 9};
  const Tag tag = make_tag({.plane = TagPlane::kResult, .fragment = 3, .round = 9, .piece = 5});
  const Tag other = make_tag({.plane = TagPlane::kResult, .fragment = 4, .round = 9, .piece = 5});
  Result<Slice>& before = duo.receive(*duo.at_a, tag, 10);
  Result<Slice>& kept = duo.receive(*duo.at_a, other, 10);
  Result<Done>& sent = duo.send(*duo.at_a, tag, counted(1000, freed));  // announced
  duo.run();
  duo.at_a->cancel(every_piece(exchange));
  Result<Slice>& after = duo.receive(*duo.at_a, tag, 10);
  Result<Done>& late = duo.send(*duo.at_b, tag, counted(10, freed));
  duo.send(*duo.at_b, other, counted(10, freed));
  duo.receive(*duo.at_b, tag, 1000);  // asks for what is no more
  duo.run();
  CHECK(before.kind() == FailureKind::kCancelled);
  CHECK(after.kind() == FailureKind::kCancelled);
  CHECK(sent.kind() == FailureKind::kCancelled);
  CHECK(late.ok());  // its memory is free
  CHECK(kept.ok());
  CHECK(freed == 2);
}

// ---------------------------------------------------------------------------------------------
// Hello

struct HelloCase {
  TransportOptions a, b;
  std::string why;
};

TEST_CASE("a mismatch is refused and named on both sides", "[transport]") {
  const std::vector<HelloCase> cases{
      {{.run_id = 16}, {.run_id = 17}, "peer 2 belongs to run 11, peer 1 to run 10"},
      {{.settings = {{"model", "x"}}},
       {.settings = {{"model", "y"}}},
       "peers 2 and 1 differ in 'model': 'y' and 'x'"},
      {{.settings = {{"model", "x"}, {"codec", "fp32"}}},
       {.settings = {{"model", "x"}, {"codec", "int8"}}},
       "peers 2 and 1 differ in 'codec': 'int8' and 'fp32'"},
      {{.settings = {{"data", "1"}}}, {}, "peers 2 and 1 differ in 'data': nothing and '1'"},
      {{}, {.settings = {{"data", "1"}}}, "peers 2 and 1 differ in 'data': '1' and nothing"},
      {{.eager_limit = 5},
       {.eager_limit = 6},
       "peers 2 and 1 differ in 'eager_limit': '6' and '5'"},
  };
  for (const HelloCase& c : cases) {
    INFO(c.why);
    Duo duo(c.a, c.b);
    Result<Slice>& at_a = duo.receive(*duo.at_a, kData1, 10);
    Result<Slice>& at_b = duo.receive(*duo.at_b, kData1, 10);
    duo.run();
    CHECK(at_a.why() == "peer 2: " + c.why);
    CHECK(at_b.why() == "peer 1: " + c.why);
    CHECK(at_a.kind() == FailureKind::kMismatch);
    CHECK(at_b.kind() == FailureKind::kMismatch);
  }
}

/// A connection that the test speaks by hand.
class Raw : public StreamEvents {
 public:
  Raw(Network& network, PeerId to) : stream(network.dial(to, Plane::kData)) {
    stream->listen(*this);
  }
  void say(std::vector<std::byte> bytes) { stream->offer(make_message(std::move(bytes))); }
  void say(FrameHeader header, const std::vector<std::byte>& body) {
    header.length = static_cast<std::uint32_t>(body.size());
    if (header.kind == FrameKind::kHello) header.total = header.length;
    const auto packed = pack(header);
    say({packed.begin(), packed.end()});
    say(body);
  }
  void arrived(Slice slice) override {
    heard.insert(heard.end(), slice.bytes.begin(), slice.bytes.end());
  }
  void writable() override {}
  void closed(Failure) override { is_closed = true; }

  std::string refusal() const {
    if (heard.size() <= kFrameHeaderBytes) return "nothing";
    return Reader(std::span(heard).subspan(kFrameHeaderBytes)).get_text();
  }

  std::unique_ptr<Stream> stream;
  std::vector<std::byte> heard;
  bool is_closed = false;
};

TEST_CASE("strangers are refused and take nobody down", "[transport]") {
  Duo duo;
  duo.run();
  Network& network = duo.network.endpoint(kC);
  const std::vector<HelloSetting> limit{{"eager_limit", "1048576"}};
  Raw version(network, kA), nobody(network, kA), twice(network, kA), wrong_way(network, kB),
      other_run(network, kA), silent(network, kA), data(network, kA);
  version.say({.kind = FrameKind::kHello}, pack(Hello{.version = 9, .from = kB}));
  nobody.say({.kind = FrameKind::kHello}, pack(Hello{.from = kC, .settings = limit}));
  twice.say({.kind = FrameKind::kHello}, pack(Hello{.from = kB, .settings = limit}));
  wrong_way.say({.kind = FrameKind::kHello}, pack(Hello{.from = kA, .settings = limit}));
  other_run.say({.kind = FrameKind::kHello}, pack(Hello{.run_id = 3, .from = kB}));
  data.say({.kind = FrameKind::kData, .total = 3}, noise(3, 3));
  duo.run();
  CHECK(version.refusal() == "peer 3 speaks protocol version 9, peer 1 version 1");
  CHECK(nobody.refusal() == "peer 3 has no place here to dial peer 1");
  CHECK(twice.refusal() == "peer 2 has dialled peer 1 already");
  CHECK(wrong_way.refusal() == "peer 1 has no place here to dial peer 2");
  CHECK(other_run.refusal() == "peer 2 belongs to run 3, peer 1 to run 0");
  CHECK(data.is_closed);
  twice.say(noise(1000, 1));  // goes on although it was refused
  silent.stream.reset();
  Result<Slice>& got = duo.receive(*duo.at_a, kData1, 3);
  duo.send(*duo.at_b, kData1, make_message(noise(3, 4)));
  duo.run();
  CHECK(equal(got, noise(3, 4)));
}

TEST_CASE("another protocol version is named on both sides", "[transport]") {
  Duo duo;
  duo.at_b.reset();
  Result<Slice>& got = duo.receive(*duo.at_a, kData1, 3);
  Raw old(duo.network.endpoint(kB), kA);
  old.say({.kind = FrameKind::kHello}, pack(Hello{.version = 0, .from = kB}));
  duo.run();
  CHECK(old.refusal() == "peer 2 speaks protocol version 0, peer 1 version 1");
  CHECK(got.why() == "peer 2: peer 2 speaks protocol version 0, peer 1 version 1");
}

// ---------------------------------------------------------------------------------------------
// Nonsense

/// A header with some fields as they may be and some that cannot.
std::vector<std::byte> nonsense(Rng& rng) {
  if (rng.below(8) == 0) return noise(rng.below(200), rng.next());
  const auto number = [&]() -> std::uint64_t {
    switch (rng.below(4)) {
      case 0: return rng.below(3);
      case 1: return rng.below(3000);
      case 2: return std::uint64_t{1} << rng.below(64);
      default: return rng.next();
    }
  };
  FrameHeader header{.kind = static_cast<FrameKind>(rng.below(7)),
                     .cause = static_cast<Cause>(rng.below(8)),
                     .length = static_cast<std::uint32_t>(number()),
                     .tag = number(),
                     .total = number(),
                     .offset = number(),
                     .sequence = number()};
  if (rng.below(2) == 0) {  // possible in itself
    header.kind = static_cast<FrameKind>(3 + rng.below(3));
    header.cause = Cause::kPayload;
    header.length = static_cast<std::uint32_t>(rng.below(100));
    header.offset = rng.below(100);
    header.total = header.offset + header.length + rng.below(100);
    header.tag = rng.below(4);
    header.sequence = rng.below(2);
    if (header.kind != FrameKind::kData) header.length = 0;
  }
  const auto packed = pack(header);
  std::vector<std::byte> bytes(packed.begin(), packed.end());
  const auto body = noise(std::min<std::size_t>(header.length, rng.below(3000)), rng.next());
  bytes.insert(bytes.end(), body.begin(), body.end());
  if (rng.below(8) == 0) bytes.resize(rng.below(bytes.size() + 1));
  return bytes;
}

TEST_CASE("nonsense on a connection takes down that peer at most", "[transport]") {
  const std::uint64_t seed = 41;
  INFO("seed " << seed);
  Rng rng(seed, "nonsense");
  int survived = 0;
  for (int trial = 0; trial < 300; ++trial) {
    PlainLoop loop;
    Trace trace;
    Ledger ledger;
    PipeNetwork network(loop, 4);
    const auto make = [&](PeerId self) {
      auto t = std::make_unique<Transport>(loop, network.endpoint(self), ledger, trace,
                                           TransportOptions{.self = self, .eager_limit = 500});
      t->connect({kA, kB, kC});
      return t;
    };
    const auto a = make(kA), b = make(kB);
    // C is played by hand: a good hello, sometimes, then anything.
    Raw raw(network.endpoint(kC), kA);
    if (rng.below(4) != 0) {
      raw.say({.kind = FrameKind::kHello},
              pack(Hello{.from = kC, .settings = {{"eager_limit", "500"}}}));
    }
    Result<Slice> from_c, from_b;
    Scope scope;
    scope.spawn(store(a->receive(kC, 1, kAnyLength), from_c));
    scope.spawn(store(a->receive(kB, 1, 20), from_b));
    for (int i = 0; i < 30; ++i) {
      raw.say(nonsense(rng));
      loop.run_until_idle();
    }
    survived += !raw.is_closed;
    std::ignore = b->send({.to = kA, .tag = 1}, make_message(noise(20, 7)));
    loop.run_until_idle();
    CHECK(equal(from_b, noise(20, 7)));
    if (from_c.ok()) CHECK(from_c.outcome->value().size() < 500'000);
  }
  CHECK(survived < 300);
}

TEST_CASE("a peer that contradicts itself is taken down", "[transport]") {
  struct Case {
    std::vector<FrameHeader> frames;
    std::string why;
  };
  const FrameKind data = FrameKind::kData;
  const std::vector<Case> cases{
      {{{.kind = data, .length = 10, .tag = 1, .total = 30, .offset = 0},
        {.kind = data, .length = 10, .tag = 1, .total = 30, .offset = 5}},
       "contradict"},
      {{{.kind = data, .length = 10, .tag = 1, .total = 30, .offset = 10},
        {.kind = data, .length = 15, .tag = 1, .total = 30, .offset = 0}},
       "contradict"},
      {{{.kind = data, .length = 10, .tag = 1, .total = 30, .offset = 0},
        {.kind = data, .length = 10, .tag = 1, .total = 31, .offset = 10}},
       "contradict"},
      {{{.kind = data, .length = 10, .tag = 2, .total = 10},
        {.kind = data, .length = 10, .tag = 2, .total = 10}},
       "contradict"},
      {{{.kind = data, .length = 10, .tag = 1, .total = 1 << 30}}, "unasked"},
      {{{.kind = FrameKind::kAnnounce, .tag = 2, .total = 1 << 30},
        {.kind = FrameKind::kAnnounce, .tag = 2, .total = 1 << 30}},
       "before its last message was taken"},
      {{{.kind = FrameKind::kHello, .length = 1u << 20, .total = 1u << 20}}, "protocol"},
  };
  for (const Case& c : cases) {
    Duo duo;
    duo.at_b.reset();
    Result<Slice>& got = duo.receive(*duo.at_a, 1, kAnyLength);
    Raw raw(duo.network.endpoint(kB), kA);
    raw.say({.kind = FrameKind::kHello},
            pack(Hello{.from = kB, .settings = {{"eager_limit", "1048576"}}}));
    for (const FrameHeader& header : c.frames) {
      const auto packed = pack(header);
      raw.say({packed.begin(), packed.end()});
      raw.say(noise(std::min(header.length, 100u), 1));
    }
    duo.run();
    INFO(got.why());
    CHECK(got.why().rfind("peer 2: ", 0) == 0);
    CHECK(got.why().find(c.why) != std::string::npos);
    CHECK(raw.is_closed);
  }
}

// ---------------------------------------------------------------------------------------------

TEST_CASE("what the ledger counts is what was offered and what arrived", "[transport]") {
  TransportOptions options{.frame_bytes = 1000, .eager_limit = 3000, .data_connections = 2};
  Duo duo(options, options);
  duo.send(*duo.at_a, kData1, make_message(noise(2500, 1)));                    // 3 frames
  duo.send(*duo.at_b, kData1, make_message(noise(7000, 2)));                    // 7, announced
  duo.send(*duo.at_b, kControl1, make_message(noise(10, 3)), Cause::kControl);  // 1
  duo.send(*duo.at_b, kData2, Slice{});                                         // 1
  duo.receive(*duo.at_b, kData1, 2500);
  duo.receive(*duo.at_a, kData1, 7000);
  duo.receive(*duo.at_a, kControl1, 10);
  duo.receive(*duo.at_a, kData2, 0);
  duo.run();
  for (const auto& receive : duo.receives) CHECK(receive.ok());
  std::map<std::pair<PeerId, PeerId>, Bytes> counted_bytes;
  for (const auto& row : duo.ledger.rows()) counted_bytes[{row.from, row.to}] += row.bytes;
  CHECK(counted_bytes.size() == 2);
  CHECK(counted_bytes[{kA, kB}] == duo.spy_a.offered[kB]);
  CHECK(counted_bytes[{kB, kA}] == duo.spy_b.offered[kA]);
  CHECK(duo.spy_a.offered[kB] == duo.spy_b.arrived[kA]);
  CHECK(duo.spy_b.offered[kA] == duo.spy_a.arrived[kB]);
  CHECK(duo.ledger.total(Cause::kPayload) == 9500);
  // 12 data frames, 3 hellos, an announcement and a credit.
  CHECK(duo.ledger.total(Cause::kFraming) == 40 * (12 + 3 + 1 + 1));
}

}  // namespace
}  // namespace strait
