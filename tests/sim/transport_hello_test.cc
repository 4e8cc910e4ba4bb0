// Who may speak: hellos that differ, strangers, and nonsense on the wire.
#include <fmt/format.h>

#include "tests/support/transport_pair.h"

namespace strait {
namespace {

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
    TransportPair pair(c.a, c.b);
    Result<Slice>& at_a = pair.receive(*pair.at_a, kData1, 10);
    Result<Slice>& at_b = pair.receive(*pair.at_b, kData1, 10);
    pair.run();
    CHECK(at_a.why() == "peer 2: " + c.why);
    CHECK(at_b.why() == "peer 1: " + c.why);
    CHECK(at_a.kind() == FailureKind::kMismatch);
    CHECK(at_b.kind() == FailureKind::kMismatch);
  }
}

// A person who joins a real run with the wrong settings, and then with the right ones.
TEST_CASE("behind an open door a mismatch takes nobody down but who came", "[transport]") {
  TransportPair pair({.settings = {{"model", "x"}}, .open_door = true},
                     {.settings = {{"model", "y"}}, .open_door = true});
  Result<Slice>& wanted = pair.receive(*pair.at_a, kData1, 10);
  Result<Slice>& refused = pair.receive(*pair.at_b, kData2, 10);
  pair.run();
  CHECK_FALSE(wanted.done());
  CHECK(refused.why() == "peer 1: peers 2 and 1 differ in 'model': 'y' and 'x'");
  pair.at_b.reset();
  pair.at_b.emplace(pair.loop, pair.spy_b, pair.ledger, pair.trace,
                    TransportOptions{.self = kB, .incarnation = 2, .settings = {{"model", "x"}}});
  pair.at_b->connect({kA, kB});
  pair.send(*pair.at_b, kData1, make_message(noise(10, 1)));
  pair.run();
  CHECK(equal(wanted, noise(10, 1)));
}

/// A connection that the test speaks by hand.
class Raw : public StreamEvents {
 public:
  Raw(Network& network, PeerId to) : stream(network.dial(to, Plane::kData)) {
    stream->listen(*this);
  }
  void say(std::vector<std::byte> bytes) { stream->offer(make_message(std::move(bytes)), {}); }
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
  TransportPair pair;
  pair.run();
  Network& network = pair.network.endpoint(kC);
  const std::vector<HelloSetting> limit{{"eager_limit", "1048576"}};
  Raw version(network, kA), nobody(network, kA), twice(network, kA), wrong_way(network, kB),
      other_run(network, kA), silent(network, kA), data(network, kA);
  version.say({.kind = FrameKind::kHello}, pack(Hello{.version = 9, .from = kB}));
  nobody.say({.kind = FrameKind::kHello}, pack(Hello{.from = kC, .settings = limit}));
  twice.say({.kind = FrameKind::kHello}, pack(Hello{.from = kB, .settings = limit}));
  wrong_way.say({.kind = FrameKind::kHello}, pack(Hello{.from = kA, .settings = limit}));
  other_run.say({.kind = FrameKind::kHello}, pack(Hello{.run_id = 3, .from = kB}));
  data.say({.kind = FrameKind::kData, .total = 3}, noise(3, 3));
  pair.run();
  CHECK(version.refusal() == "peer 3 speaks protocol version 9, peer 1 version 4");
  CHECK(nobody.refusal() == "peer 3 has no place here to dial peer 1");
  CHECK(twice.is_closed);  // of no newer session than the one that stands
  CHECK(wrong_way.refusal() == "peer 1 has no place here to dial peer 2");
  CHECK(other_run.refusal() == "peer 2 belongs to run 3, peer 1 to run 0");
  CHECK(data.is_closed);
  nobody.say(noise(1000, 1));  // goes on although it was refused
  silent.stream.reset();
  Result<Slice>& got = pair.receive(*pair.at_a, kData1, 3);
  pair.send(*pair.at_b, kData1, make_message(noise(3, 4)));
  pair.run();
  CHECK(equal(got, noise(3, 4)));
}

TEST_CASE("a hello that comes twice is no other connection", "[transport]") {
  for (const int connections : {0, 2}) {
    INFO(connections << " data connections");
    const TransportOptions options{.data_connections = connections};
    TransportPair pair(options, options);
    pair.run();
    Raw again(pair.network.endpoint(kC), kA);
    const Hello hello{.from = kB, .session = 1, .settings = {{"eager_limit", "1048576"}}};
    again.say({.kind = FrameKind::kHello}, pack(hello));
    pair.run();
    CHECK(again.is_closed);
    CHECK(pair.at_a->connections(kB).open == std::max(1, connections));
    CHECK(pair.at_a->connected(kB));
  }
}

TEST_CASE("another protocol version is named on both sides", "[transport]") {
  TransportPair pair;
  pair.at_b.reset();
  Result<Slice>& got = pair.receive(*pair.at_a, kData1, 3);
  Raw old(pair.network.endpoint(kB), kA);
  old.say({.kind = FrameKind::kHello}, pack(Hello{.version = 0, .from = kB}));
  pair.run();
  CHECK(old.refusal() == "peer 2 speaks protocol version 0, peer 1 version 4");
  CHECK(got.why() == "peer 2: peer 2 speaks protocol version 0, peer 1 version 4");
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
  FrameHeader header{.kind = static_cast<FrameKind>(rng.below(9)),
                     .cause = static_cast<Cause>(rng.below(8)),
                     .length = static_cast<std::uint32_t>(number()),
                     .tag = number(),
                     .total = number(),
                     .offset = number(),
                     .sequence = number()};
  if (rng.below(2) == 0) {  // possible in itself
    header.kind = static_cast<FrameKind>(3 + rng.below(5));
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
              pack(Hello{.from = kC, .session = 1, .settings = {{"eager_limit", "500"}}}));
    }
    Result<Slice> from_c, from_b;
    Scope scope;
    scope.spawn(store(a->receive(kC, 1, kAnyLength), from_c));
    scope.spawn(store(a->receive(kB, 1, 20), from_b));
    for (int i = 0; i < 30; ++i) {
      raw.say(nonsense(rng));
      loop.run_until(loop.now() + std::chrono::milliseconds(10));
    }
    survived += !raw.is_closed;
    std::ignore = b->send({.to = kA, .tag = 1}, make_message(noise(20, 7)));
    loop.run_until(loop.now() + std::chrono::milliseconds(10));
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
    TransportPair pair;
    pair.at_b.reset();
    Result<Slice>& got = pair.receive(*pair.at_a, 1, kAnyLength);
    Raw raw(pair.network.endpoint(kB), kA);
    raw.say({.kind = FrameKind::kHello},
            pack(Hello{.from = kB, .session = 9, .settings = {{"eager_limit", "1048576"}}}));
    for (const FrameHeader& header : c.frames) {
      const auto packed = pack(header);
      raw.say({packed.begin(), packed.end()});
      raw.say(noise(std::min(header.length, 100u), 1));
    }
    pair.run();
    INFO(got.why());
    CHECK(got.why().rfind("peer 2: ", 0) == 0);
    CHECK(got.why().find(c.why) != std::string::npos);
    CHECK(raw.is_closed);
  }
}

}  // namespace
}  // namespace strait
