// What the Transport promises about messages (core/comm/transport.h).
#include <fmt/format.h>

#include <map>
#include <memory>

#include "tests/support/transport_pair.h"

namespace strait {
namespace {

TEST_CASE("messages of all lengths arrive as they were", "[transport]") {
  for (const bool receive_first : {true, false}) {
    TransportPair pair({.frame_bytes = 1000, .eager_limit = 5000},
                       {.frame_bytes = 1000, .eager_limit = 5000});
    Tag tag = 100;
    for (const std::size_t size : {0, 1, 39, 40, 41, 999, 1000, 1001, 5000, 5001, 60'000}) {
      for (const Bytes asked : {static_cast<Bytes>(size), kAnyLength}) {
        INFO(size << " asked for as " << asked << " first " << receive_first);
        ++tag;
        const auto bytes = noise(size, tag);
        Result<Slice>* got = receive_first ? &pair.receive(*pair.at_a, tag, asked) : nullptr;
        pair.run();
        Result<Done>& sent = pair.send(*pair.at_b, tag, make_message(bytes));
        pair.run();
        if (!receive_first) got = &pair.receive(*pair.at_a, tag, asked);
        pair.run();
        CHECK(equal(*got, bytes));
        got->outcome.reset();  // the last that holds the sender's memory
        pair.run();
        CHECK(sent.ok());
      }
    }
  }
}

TEST_CASE("control messages of a tag arrive in order", "[transport]") {
  TransportPair pair({.eager_limit = 50}, {.eager_limit = 50});
  for (std::size_t i = 0; i < 20; ++i) {
    pair.send(*pair.at_a, kControl1, make_message(noise(i * 7, i)), Cause::kControl);
  }
  for (std::size_t i = 0; i < 20; ++i) pair.receive(*pair.at_b, kControl1, kAnyLength);
  pair.run();
  for (std::size_t i = 0; i < 20; ++i) CHECK(equal(pair.receives[i], noise(i * 7, i)));
}

TEST_CASE("unequal lengths name both, whichever is larger", "[transport]") {
  for (const std::size_t sent : {10, 5000}) {
    for (const Bytes asked : {20, 6000}) {
      for (const bool receive_first : {true, false}) {
        INFO(sent << " " << asked << " " << receive_first);
        TransportPair pair({.eager_limit = 1000}, {.eager_limit = 1000});
        if (receive_first) pair.receive(*pair.at_a, kData1, asked);
        pair.run();
        pair.send(*pair.at_b, kData1, make_message(noise(sent, 1)));
        pair.run();
        if (!receive_first) pair.receive(*pair.at_a, kData1, asked);
        pair.run();
        REQUIRE(pair.receives[0].done());
        CHECK(pair.receives[0].kind() == FailureKind::kMismatch);
        CHECK(pair.receives[0].why() ==
              fmt::format("peer 2 sends {} bytes where peer 1 expects {} (tag 0000000000000001)",
                          sent, asked));
      }
    }
  }
}

TEST_CASE("nothing of a large message leaves before it is asked for", "[transport]") {
  TransportPair pair({.eager_limit = 1000}, {.eager_limit = 1000});
  Result<Done>& large = pair.send(*pair.at_b, kData1, make_message(noise(1001, 1)));
  Result<Done>& small = pair.send(*pair.at_b, kData2, make_message(noise(1000, 2)));
  pair.run();
  CHECK(pair.ledger.total(Cause::kPayload) == 1000);
  CHECK_FALSE(large.done());
  CHECK(small.ok());  // nobody has asked for it yet: a copy lies with the receiver
  pair.receive(*pair.at_a, kData2, 1000);
  pair.receive(*pair.at_a, kData1, 1001);
  pair.run();
  CHECK(pair.ledger.total(Cause::kPayload) == 2001);
  CHECK(equal(pair.receives[1], noise(1001, 1)));
}

TEST_CASE("a small message overtakes a large one", "[transport]") {
  TransportPair pair({.frame_bytes = 100}, {.frame_bytes = 100}, nullptr, {.send_buffer = 200});
  Result<Slice>& large = pair.receive(*pair.at_a, kData1, 100'000);
  Result<Slice>& small = pair.receive(*pair.at_a, kData2, 10);
  pair.send(*pair.at_b, kData1, make_message(noise(100'000, 1)));
  pair.send(*pair.at_b, kData2, make_message(noise(10, 2)));
  while (!small.done()) pair.loop.run_one();
  CHECK_FALSE(large.done());
  pair.run();
  CHECK(large.ok());
}

/// Makes of `raw` its bytes, each one more; what is empty cannot be made.
class AddsOne final : public MessageMaker {
 public:
  Outcome<Slice> make(Slice raw) override {
    ++calls;
    if (fails) return Failure{FailureKind::kMismatch, "not that one"};
    std::vector<std::byte> made(raw.bytes.begin(), raw.bytes.end());
    for (auto& byte : made) byte = static_cast<std::byte>(static_cast<int>(byte) + 1);
    return make_message(std::move(made));
  }
  int calls = 0;
  bool fails = false;
};

TEST_CASE("a message is made when its turn has come, and not if it is given up", "[transport]") {
  TransportPair pair({.frame_bytes = 100, .eager_limit = 500},
                     {.frame_bytes = 100, .eager_limit = 500}, nullptr, {.send_buffer = 100});
  const auto maker = std::make_shared<AddsOne>();
  pair.run();
  for (const Tag tag : {kData1, kData2}) {
    Slice raw = make_message(std::vector<std::byte>(1000, std::byte{6}));
    pair.keep(pair.sends, pair.at_a->send({.to = kB, .tag = tag}, std::move(raw), 1000, maker));
  }
  pair.run();
  CHECK(maker->calls == 0);  // large ones wait to be asked for
  pair.receive(*pair.at_b, kData2, 1000);
  pair.run();
  CHECK(maker->calls == 1);
  CHECK(equal(pair.receives[0], std::vector<std::byte>(1000, std::byte{7})));
  pair.at_a->cancel_below(kData1 + 1);
  pair.run();
  CHECK(maker->calls == 1);
  CHECK(pair.sends[0].kind() == FailureKind::kCancelled);
}

TEST_CASE("a message that cannot be made is not sent, and the others are", "[transport]") {
  TransportPair pair;
  const auto maker = std::make_shared<AddsOne>();
  maker->fails = true;
  const Slice raw = make_message(noise(10, 1));
  pair.keep(pair.sends, pair.at_a->send({.to = kB, .tag = kData1}, raw, 10, maker));
  pair.send(*pair.at_a, kData2, make_message(noise(20, 2)));
  pair.receive(*pair.at_b, kData1, 10);
  pair.receive(*pair.at_b, kData2, 20);
  pair.run();
  CHECK(pair.sends[0].why() == "not that one");
  CHECK_FALSE(pair.receives[0].done());
  CHECK(equal(pair.receives[1], noise(20, 2)));
  CHECK(pair.ledger.total(Cause::kPayload) == 20);
}

TEST_CASE("messages over several connections that reorder are whole", "[transport]") {
  const std::uint64_t seed = 5;
  INFO("seed " << seed);
  Rng rng(seed, "striping");
  TransportOptions options{.frame_bytes = 300, .eager_limit = 4000, .data_connections = 4};
  TransportPair pair(options, options, [](int n) { return Nanos{(n * 7 % 5) * 1'000'000}; },
                     {.send_buffer = 1000});
  std::vector<std::vector<std::byte>> messages;
  for (Tag tag = 0; tag < 60; ++tag) {
    messages.push_back(noise(rng.below(12'000), tag));
    pair.receive(*pair.at_a, tag,
                 rng.below(2) == 0 ? kAnyLength : static_cast<Bytes>(messages.back().size()));
  }
  for (Tag tag = 0; tag < 60; ++tag) pair.send(*pair.at_b, tag, make_message(messages[tag]));
  for (int i = 0; i < 10; ++i) {
    pair.send(*pair.at_b, kControl1, make_message(noise(100, static_cast<std::uint64_t>(i))));
  }
  for (int i = 0; i < 10; ++i) pair.receive(*pair.at_a, kControl1, 100);
  pair.run();
  for (std::size_t m = 0; m < 60; ++m) CHECK(equal(pair.receives[m], messages[m]));
  for (std::size_t i = 0; i < 10; ++i) CHECK(equal(pair.receives[60 + i], noise(100, i)));
  int used = 0;
  for (const Bytes bytes : pair.spy_b.by_connection) used += bytes > 5000;
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
    TransportPair pair({.frame_bytes = 1000}, {.frame_bytes = 1000});
    Result<Slice>& got = pair.receive(*pair.at_a, kData1, kAnyLength);
    Result<Done>& sent = pair.send(*pair.at_b, kData1, counted(size, freed));
    pair.run();
    CHECK(got.ok());
    CHECK(sent.done() == (size == 0));
    CHECK(freed == (size == 0 ? 1 : 0));  // the receiver reads the sender's memory
    got.outcome.reset();
    CHECK(freed == 1);
    pair.run();
    CHECK(sent.ok());
  }
}

TEST_CASE("what nobody has asked for does not keep its sender waiting", "[transport]") {
  int freed = 0;
  TransportPair pair({.frame_bytes = 1000}, {.frame_bytes = 1000});
  Result<Done>& sent = pair.send(*pair.at_b, kData1, counted(3000, freed));
  pair.run();
  CHECK(freed == 1);
  CHECK(sent.ok());
  Result<Slice>& got = pair.receive(*pair.at_a, kData1, 3000);
  pair.run();
  CHECK(equal(got, std::vector<std::byte>(3000)));
}

enum class End { kCloseA, kCloseB, kDestroyA, kDestroyB };

TEST_CASE("everything completes exactly once at the end", "[transport]") {
  for (const End end : {End::kCloseA, End::kCloseB, End::kDestroyA, End::kDestroyB}) {
    for (const int events : {0, 1, 2, 5, 10, 20, 1000}) {
      INFO(static_cast<int>(end) << " after " << events);
      int freed = 0;
      TransportOptions options{.frame_bytes = 1000, .eager_limit = 2000};
      TransportPair pair(options, options, nullptr, {.send_buffer = 1500});
      pair.run();  // connected: who never came cannot go
      pair.send(*pair.at_a, kData1, counted(2000, freed));
      pair.send(*pair.at_a, kData2, counted(9000, freed));  // waits to be asked for
      pair.send(*pair.at_b, kData1, counted(9000, freed));
      pair.send(*pair.at_b, kControl1, counted(10, freed));
      pair.receive(*pair.at_a, kData1, 9000);
      pair.receive(*pair.at_a, 77, 10);
      pair.receive(*pair.at_b, 78, kAnyLength);
      for (int i = 0; i < events; ++i) pair.loop.run_one();
      switch (end) {
        case End::kCloseA: pair.at_a->close(); break;
        case End::kCloseB: pair.at_b->close(); break;
        case End::kDestroyA: pair.at_a.reset(); break;
        case End::kDestroyB: pair.at_b.reset(); break;
      }
      pair.run();
      for (auto* at : {&pair.at_a, &pair.at_b}) {
        if (!*at) continue;
        Result<Done>& late = pair.send(**at, 99, counted(1, freed));
        Result<Slice>& never = pair.receive(**at, 99, 1);
        pair.run();
        // What begins after the end of a session waits for the next one.
        const bool closed_itself =
            (end == End::kCloseA && at == &pair.at_a) || (end == End::kCloseB && at == &pair.at_b);
        if (closed_itself) CHECK(never.kind() == FailureKind::kClosed);
        if (end == End::kDestroyB) CHECK_FALSE(never.done());
        (*at)->close();
        pair.run();
        CHECK(late.done());  // its memory is free, whatever became of it
        CHECK(never.done());
        CHECK_FALSE(never.ok());
      }
      const int sends = static_cast<int>(pair.sends.size());
      for (auto& receive : pair.receives) {
        CHECK(receive.times == 1);
        receive.outcome.reset();
      }
      pair.run();
      for (const auto& send : pair.sends) CHECK(send.times == 1);
      CHECK(freed == sends);
    }
  }
}

TEST_CASE("cancelled tags fail on this side and are ignored later", "[transport]") {
  int freed = 0;
  TransportPair pair({.eager_limit = 100}, {.eager_limit = 100});
  const TagFields exchange{.plane = TagPlane::kResult, .fragment = 3, .round = 9};
  const Tag tag = make_tag({.plane = TagPlane::kResult, .fragment = 3, .round = 9, .piece = 5});
  const Tag other = make_tag({.plane = TagPlane::kResult, .fragment = 4, .round = 9, .piece = 5});
  Result<Slice>& before = pair.receive(*pair.at_a, tag, 10);
  Result<Slice>& kept = pair.receive(*pair.at_a, other, 10);
  Result<Done>& sent = pair.send(*pair.at_a, tag, counted(1000, freed));  // announced
  pair.run();
  pair.at_a->cancel_below(after_exchange(exchange));
  Result<Slice>& after = pair.receive(*pair.at_a, tag, 10);
  Result<Done>& late = pair.send(*pair.at_b, tag, counted(10, freed));
  pair.send(*pair.at_b, other, counted(10, freed));
  pair.receive(*pair.at_b, tag, 1000);  // asks for what is no more
  pair.run();
  CHECK(before.kind() == FailureKind::kCancelled);
  CHECK(after.kind() == FailureKind::kCancelled);
  CHECK(sent.kind() == FailureKind::kCancelled);
  CHECK(late.ok());  // its memory is free
  CHECK(kept.ok());
  CHECK(freed == 2);
}

TEST_CASE("what the ledger counts is what was offered and what arrived", "[transport]") {
  TransportOptions options{.frame_bytes = 1000, .eager_limit = 3000, .data_connections = 2};
  TransportPair pair(options, options);
  pair.send(*pair.at_a, kData1, make_message(noise(2500, 1)));                    // 3 frames
  pair.send(*pair.at_b, kData1, make_message(noise(7000, 2)));                    // 7, announced
  pair.send(*pair.at_b, kControl1, make_message(noise(10, 3)), Cause::kControl);  // 1
  pair.send(*pair.at_b, kData2, Slice{});                                         // 1
  pair.receive(*pair.at_b, kData1, 2500);
  pair.receive(*pair.at_a, kData1, 7000);
  pair.receive(*pair.at_a, kControl1, 10);
  pair.receive(*pair.at_a, kData2, 0);
  pair.run();
  for (const auto& receive : pair.receives) CHECK(receive.ok());
  std::map<std::pair<PeerId, PeerId>, Bytes> counted_bytes;
  for (const auto& row : pair.ledger.rows()) counted_bytes[{row.from, row.to}] += row.bytes;
  CHECK(counted_bytes.size() == 2);
  CHECK(counted_bytes[{kA, kB}] == pair.spy_a.offered[kB]);
  CHECK(counted_bytes[{kB, kA}] == pair.spy_b.offered[kA]);
  CHECK(pair.spy_a.offered[kB] == pair.spy_b.arrived[kA]);
  CHECK(pair.spy_b.offered[kA] == pair.spy_a.arrived[kB]);
  CHECK(pair.ledger.total(Cause::kPayload) == 9500);
  // 12 data frames, 3 hellos, a welcome, an announcement and a credit.
  CHECK(pair.ledger.total(Cause::kFraming) == 40 * (12 + 3 + 1 + 1 + 1));
}

}  // namespace
}  // namespace strait
