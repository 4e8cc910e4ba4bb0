// What every row of Network has to do (core/comm/stream.h), as one body for all rows: a row passes
// check_streams(make) with a function that builds a fresh world.
//
// A world has the coordinator and the islands 0 to 2 as peers. run() lets everything happen that
// will happen by itself.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "core/comm/stream.h"
#include "tests/support/catch.h"

namespace strait {

class StreamWorld {
 public:
  virtual ~StreamWorld() = default;
  virtual Network& endpoint(PeerId peer) = 0;
  virtual void run() = 0;

  /// What was offered as two may arrive as one (sockets).
  virtual bool joins() const { return false; }
};

/// Builds a world whose streams have this send buffer.
using MakeStreamWorld = std::function<std::unique_ptr<StreamWorld>(Bytes send_buffer)>;

namespace conformance {

inline constexpr PeerId kA = peer_of(0), kB = peer_of(1), kC = peer_of(2);

/// `count` bytes, each one different from its neighbours, in memory of their own.
inline Slice make_slice(std::size_t count, unsigned first = 0) {
  auto memory = std::make_shared<std::vector<std::byte>>(count);
  for (std::size_t i = 0; i < count; ++i) (*memory)[i] = static_cast<std::byte>(first + i);
  const std::span<const std::byte> bytes(*memory);
  return {bytes, std::move(memory)};
}

inline std::vector<std::byte> bytes_of(std::size_t count, unsigned first = 0) {
  const Slice slice = make_slice(count, first);
  return {slice.bytes.begin(), slice.bytes.end()};
}

/// One side of a connection: the stream, and all that it has heard.
class Side : public StreamEvents {
 public:
  void take(std::unique_ptr<Stream> taken) {
    stream = std::move(taken);
    stream->listen(*this);
  }

  /// Calls `f` and fails if that makes an up-call.
  template <class F>
  void call(F f) {
    const int before = up_calls;
    f();
    CHECK(up_calls == before);
  }
  void offer(Slice head, Slice body = {}) {
    call([&] { stream->offer(std::move(head), std::move(body)); });
  }
  void drop() {
    call([&] { stream.reset(); });
  }

  void arrived(Slice slice) override {
    ++up_calls;
    CHECK(closings == 0);
    received.insert(received.end(), slice.bytes.begin(), slice.bytes.end());
    slices.push_back(std::move(slice));
    if (on_arrived) on_arrived();
  }
  void writable() override {
    ++up_calls;
    ++writables;
    CHECK(closings == 0);
    CHECK(stream->room() > 0);
    if (on_writable) on_writable();
  }
  void closed(Failure why) override {
    ++up_calls;
    ++closings;
    failure = std::move(why);
    if (on_closed) on_closed();
  }

  std::vector<std::byte> received;
  std::vector<Slice> slices;  // until a test lets them go
  std::unique_ptr<Stream> stream;
  int up_calls = 0, writables = 0, closings = 0;
  Failure failure;
  std::function<void()> on_arrived, on_writable, on_closed;
};

/// Peer A has dialed peer B. A's offers may come before run().
struct Pair {
  std::unique_ptr<StreamWorld> world;
  Side a, b;
  int accepted = 0;

  explicit Pair(const MakeStreamWorld& make, Bytes send_buffer = 1 << 20)
      : world(make(send_buffer)) {
    world->endpoint(kB).listen([this](PeerId from, std::unique_ptr<Stream> stream) {
      CHECK(from == kA);
      ++accepted;
      b.take(std::move(stream));
    });
    a.take(world->endpoint(kA).dial(kB, Plane::kData));
  }
};

inline void check_order(const MakeStreamWorld& make) {
  Pair p(make);
  p.a.offer(make_slice(10, 0));  // before the handshake
  p.world->run();
  REQUIRE(p.accepted == 1);
  p.a.offer(make_slice(5'000, 10));
  p.a.offer(make_slice(1, 5'010));
  p.b.offer(make_slice(3'000, 7));
  p.a.offer(Slice{});  // nothing is nothing
  p.world->run();
  CHECK(p.b.received == bytes_of(5'011));
  CHECK(p.a.received == bytes_of(3'000, 7));
  CHECK(p.a.closings + p.b.closings == 0);
}

inline void check_two_at_once(const MakeStreamWorld& make) {
  Pair p(make, /*send_buffer=*/1'000);
  const Slice head = make_slice(40), body = make_slice(2'000, 40);
  p.a.offer(head, body);
  CHECK(p.a.stream->room() <= 1'000 - 2'040);
  p.world->run();
  p.a.offer({}, make_slice(3, 2'040 % 256));  // no head, no body: nothing is nothing
  p.a.offer(make_slice(4, 2'043 % 256), {});
  p.world->run();
  CHECK(p.b.received == bytes_of(2'047));
  CHECK(p.a.writables == 1);
  for (const Slice& slice : p.b.slices) CHECK(slice.size() > 0);
  p.b.slices.clear();
  CHECK(head.hold.use_count() == 1);
  CHECK(body.hold.use_count() == 1);
  // The head's arrival may be the end of the stream.
  p.b.on_arrived = [&] { p.b.stream.reset(); };
  p.a.offer(make_slice(1), make_slice(1));
  p.world->run();
  CHECK(p.b.received.size() == (p.world->joins() ? 2'049 : 2'048));
}

inline void check_room(const MakeStreamWorld& make) {
  Pair p(make, /*send_buffer=*/1'000);
  CHECK(p.a.stream->room() == 1'000);
  p.a.offer(make_slice(400));
  CHECK(p.a.stream->room() <= 600);
  p.a.offer(make_slice(5'000, 400 % 256));  // taken although it is more than the room
  CHECK(p.a.stream->room() <= 0);
  CHECK(p.a.writables == 0);
  int more = 3;
  p.a.on_writable = [&] {
    if (more-- > 0) p.a.offer(make_slice(2'000));
  };
  p.world->run();
  CHECK(p.a.writables == 4);  // once per time that the room was used up
  CHECK(p.a.stream->room() == 1'000);
  CHECK(p.b.received.size() == 5'400 + 3 * 2'000);
}

inline void check_close(const MakeStreamWorld& make) {
  Pair p(make);
  p.a.offer(make_slice(2'000));
  p.world->run();
  p.a.drop();
  p.world->run();
  CHECK(p.b.received.size() == 2'000);
  CHECK(p.b.closings == 1);
  CHECK(p.b.failure.kind == FailureKind::kClosed);
  CHECK_FALSE(p.b.failure.what.empty());
  CHECK(p.a.up_calls == 0);
  // The other side may go on for a while before it notices.
  const Slice late = make_slice(100);
  p.b.offer(late);
  p.world->run();
  CHECK(p.b.closings == 1);
  CHECK(late.hold.use_count() == 1);
  p.b.drop();
  p.world->run();
}

inline void check_close_by_the_other(const MakeStreamWorld& make) {
  Pair p(make);
  p.world->run();
  p.a.offer(make_slice(100'000));
  p.b.drop();
  p.world->run();
  CHECK(p.a.closings == 1);
  CHECK(p.b.up_calls == 0);
}

inline void check_both_close(const MakeStreamWorld& make) {
  Pair p(make);
  p.world->run();
  p.a.offer(make_slice(50'000));
  p.b.offer(make_slice(50'000));
  p.b.drop();
  p.a.drop();
  p.world->run();
  CHECK(p.a.up_calls + p.b.up_calls == 0);
}

inline void check_refusal(const MakeStreamWorld& make) {
  const auto world = make(1 << 20);
  Side side;
  side.take(world->endpoint(kA).dial(kC, Plane::kControl));
  const Slice slice = make_slice(100);
  side.offer(slice);
  world->run();
  CHECK(side.closings == 1);
  CHECK(side.failure.kind == FailureKind::kRefused);
  CHECK(side.up_calls == 1);
  CHECK(slice.hold.use_count() == 1);
  side.drop();
  world->run();
  CHECK(side.up_calls == 1);
}

inline void check_given_up_dial(const MakeStreamWorld& make) {
  Pair p(make);
  const Slice slice = make_slice(100);
  p.a.offer(slice);
  p.a.drop();
  p.world->run();
  CHECK(p.a.up_calls == 0);
  CHECK(p.b.received.size() <= 100);
  CHECK(p.b.closings == p.accepted);  // who has heard of the connection hears of its end
  p.b.slices.clear();
  CHECK(slice.hold.use_count() == 1);
}

inline void check_dropped_at_the_door(const MakeStreamWorld& make) {
  const auto world = make(1 << 20);
  int accepted = 0;
  world->endpoint(kB).listen([&](PeerId, std::unique_ptr<Stream> stream) {
    ++accepted;
    stream.reset();
  });
  Side side;
  side.take(world->endpoint(kA).dial(kB, Plane::kData));
  side.offer(make_slice(100));
  world->run();
  CHECK(accepted == 1);
  CHECK(side.closings == 1);
}

inline void check_end_inside_up_calls(const MakeStreamWorld& make) {
  Pair p(make);
  p.a.offer(make_slice(100));
  p.a.offer(make_slice(100));
  p.b.on_arrived = [&] { p.b.stream.reset(); };
  p.a.on_closed = [&] { p.a.stream.reset(); };
  p.world->run();
  CHECK(p.b.received.size() == (p.world->joins() ? 200 : 100));
  CHECK(p.a.closings == 1);
}

inline void check_holds(const MakeStreamWorld& make) {
  Pair p(make);
  const Slice slice = make_slice(100'000);
  p.a.offer(slice.part(0, 60'000));
  p.a.offer(slice.part(60'000, 40'000));
  CHECK(slice.hold.use_count() > 1);
  p.world->run();
  p.b.slices.clear();
  CHECK(slice.hold.use_count() == 1);
  // Not sent yet when the stream goes.
  p.a.offer(slice);
  p.a.drop();
  p.world->run();
  p.b.slices.clear();
  CHECK(slice.hold.use_count() == 1);
}

inline void check_independence(const MakeStreamWorld& make) {
  const auto world = make(1 << 20);
  std::vector<std::unique_ptr<Side>> accepted;
  const auto accept = [&](PeerId, std::unique_ptr<Stream> stream) {
    accepted.push_back(std::make_unique<Side>());
    accepted.back()->take(std::move(stream));
  };
  world->endpoint(kB).listen(accept);
  world->endpoint(PeerId::kCoordinator).listen(accept);
  Side control, data, back, to_coordinator;
  control.take(world->endpoint(kA).dial(kB, Plane::kControl));
  data.take(world->endpoint(kA).dial(kB, Plane::kData));
  to_coordinator.take(world->endpoint(kA).dial(PeerId::kCoordinator, Plane::kControl));
  data.offer(make_slice(10'000));
  control.offer(make_slice(10));
  to_coordinator.offer(make_slice(20));
  world->run();
  REQUIRE(accepted.size() == 3);
  control.drop();
  data.offer(make_slice(10'000, 10'000 % 256));
  world->run();
  int closings = 0;
  std::size_t received = 0;
  for (const auto& side : accepted) {
    closings += side->closings;
    received += side->received.size();
  }
  CHECK(closings == 1);
  CHECK(received == 20'030);
  // A peer may listen and dial at once, and dial from inside an up-call.
  world->endpoint(kA).listen(accept);
  data.on_arrived = [&] { back.take(world->endpoint(kA).dial(kB, Plane::kData)); };
  for (const auto& side : accepted) {
    if (side->closings == 0) side->offer(make_slice(1));
  }
  world->run();
  CHECK(accepted.size() == 4);
}

}  // namespace conformance

/// Call from one TEST_CASE per row.
inline void check_streams(const MakeStreamWorld& make) {
  SECTION("bytes arrive in order in both directions") { conformance::check_order(make); }
  SECTION("a head and a body go as one") { conformance::check_two_at_once(make); }
  SECTION("room is advice and writable says when there is some again") {
    conformance::check_room(make);
  }
  SECTION("destroying a stream closes the other end") { conformance::check_close(make); }
  SECTION("the accepting end can close as well") { conformance::check_close_by_the_other(make); }
  SECTION("two ends that close at once hear nothing") { conformance::check_both_close(make); }
  SECTION("a peer that does not listen refuses") { conformance::check_refusal(make); }
  SECTION("a dial can be given up") { conformance::check_given_up_dial(make); }
  SECTION("a connection can be dropped when it is accepted") {
    conformance::check_dropped_at_the_door(make);
  }
  SECTION("a stream may be destroyed inside its up-calls") {
    conformance::check_end_inside_up_calls(make);
  }
  SECTION("memory is let go") { conformance::check_holds(make); }
  SECTION("connections do not touch each other") { conformance::check_independence(make); }
}

}  // namespace strait
