// Messages that a socket reads to where the receiver wants them.
#include <numeric>

#include "backends/tcp/tcp_fabric.h"
#include "core/io/uv_loop.h"
#include "tests/support/transport_pair.h"

namespace strait {
namespace {

/// Two transports over sockets of the loopback device.
struct SocketPair {
  SocketPair() {
    for (Transport* transport : {&at_a, &at_b}) transport->connect({kA, kB});
  }

  void run() {
    loop.start_clock();
    loop.at(loop.wall() + Nanos{30'000'000}, [] {});
    loop.run_until_idle();
  }
  Result<Slice>& receive(Tag tag, Bytes length, std::shared_ptr<std::byte> place) {
    Result<Slice>& result = receives.emplace_back();
    scope.spawn(store(at_a.receive(kB, tag, length, std::move(place)), result));
    return result;
  }
  void send(Tag tag, const std::vector<std::byte>& bytes) {
    std::ignore = at_b.send({.to = kA, .tag = tag}, make_message(bytes));
  }

  UvLoop loop;
  Trace trace;
  Ledger ledger;
  TcpFabric fabric{loop, {}};
  Transport at_a{loop, fabric.endpoint(kA), ledger, trace, {.self = kA, .frame_bytes = 50'000}};
  Transport at_b{loop, fabric.endpoint(kB), ledger, trace, {.self = kB, .frame_bytes = 50'000}};
  std::deque<Result<Slice>> receives;
  Scope scope;
};

std::shared_ptr<std::byte> place_of(std::size_t bytes) {
  return {new std::byte[bytes], std::default_delete<std::byte[]>()};
}

TEST_CASE("a message is put where its receiver wants it, in frames of any size", "[transport]") {
  SocketPair pair;
  for (const std::size_t size : {1, 39, 16 * 1024, 50'000, 300'000}) {
    INFO(size);
    const Tag tag = size;
    const auto place = place_of(size);
    Result<Slice>& got = pair.receive(tag, static_cast<Bytes>(size), place);
    pair.send(tag, noise(size, tag));
    pair.run();
    REQUIRE(got.ok());
    CHECK(equal(got, noise(size, tag)));
    CHECK(got.outcome->value().bytes.data() == place.get());
    got.outcome.reset();
    CHECK(place.use_count() == 1);  // nobody writes to it any more
  }
}

TEST_CASE("a message that was there before its place is handed over elsewhere", "[transport]") {
  SocketPair pair;
  pair.send(kData1, noise(40'000, 1));
  pair.run();
  const auto place = place_of(40'000);
  Result<Slice>& got = pair.receive(kData1, 40'000, place);
  pair.run();
  CHECK(equal(got, noise(40'000, 1)));
  CHECK(got.outcome->value().bytes.data() != place.get());
  CHECK(place.use_count() == 1);
}

TEST_CASE("a place is free when its message is given up, or is of another length", "[transport]") {
  SocketPair pair;
  const auto first = place_of(100'000), second = place_of(100'000);
  Result<Slice>& given_up = pair.receive(kData1, 100'000, first);
  Result<Slice>& longer = pair.receive(kData2, 100'000, second);
  pair.at_a.cancel_below(kData1 + 1);
  pair.send(kData2, noise(100'001, 2));
  pair.run();
  CHECK(given_up.kind() == FailureKind::kCancelled);
  CHECK(longer.kind() == FailureKind::kMismatch);
  CHECK(first.use_count() == 1);
  CHECK(second.use_count() == 1);
}

}  // namespace
}  // namespace strait
