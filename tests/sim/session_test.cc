// Sessions: what is lost with a connection, and that the two find each other again.
#include "tests/support/transport_pair.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// Notes what a transport says about its sessions.
class Watch : public SessionWatcher {
 public:
  explicit Watch(Transport& transport) : transport_(transport) { transport.watch(*this); }
  ~Watch() override { transport_.unwatch(*this); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void session_opened(PeerId) override { log += 'o'; }
  void session_lost(PeerId, const Failure& failure) override {
    log += failure.kind == FailureKind::kRefused ? 'r' : 'l';
  }
  std::string log;

 private:
  Transport& transport_;
};

TEST_CASE("after a lost session what was pending has failed and new things work", "[transport]") {
  for (const bool at_a : {true, false}) {
    INFO(at_a);
    TransportPair pair;
    Watch a(*pair.at_a), b(*pair.at_b);
    pair.run();
    CHECK(pair.at_a->connected(kB));
    Result<Slice>& before = pair.receive(*pair.at_a, kData1, 10);
    (at_a ? *pair.at_a : *pair.at_b).drop(at_a ? kB : kA, {FailureKind::kTimeout, "silent"});
    Result<Slice>& after = pair.receive(*pair.at_a, kData2, 10);
    pair.send(*pair.at_b, kData2, make_message(noise(10, 1)));
    if (!at_a) {
      // B knows already; A still believes in the old session, and so does what it has begun in it.
      pair.run();
      CHECK_FALSE(after.ok());
      Result<Slice>& again = pair.receive(*pair.at_a, 5, 10);
      pair.send(*pair.at_b, 5, make_message(noise(10, 2)));
      pair.run();
      CHECK(equal(again, noise(10, 2)));
    } else {
      pair.run();
    }
    CHECK_FALSE(before.ok());
    CHECK(before.why().rfind("peer 2: ", 0) == 0);
    CHECK(a.log == "olo");
    CHECK(b.log == "olo");
    Result<Slice>& control = pair.receive(*pair.at_a, kControl1, 3);
    pair.send(*pair.at_b, kControl1, make_message(noise(3, 3)));
    pair.run();
    CHECK(equal(control, noise(3, 3)));
  }
}

// B dials A, so nothing of A's own would find out that nobody is there any more.
TEST_CASE("a knock tells whether the other one is still there", "[transport]") {
  TransportPair pair;
  Watch a(*pair.at_a);
  pair.run();
  pair.at_a->knock(kB);
  pair.run();
  CHECK(a.log == "o");
  CHECK(pair.at_a->connected(kB));
  pair.at_b.reset();
  pair.run();
  CHECK(a.log == "ol");
  pair.at_a->knock(kB);
  pair.run();
  CHECK(a.log == "olr");
}

TEST_CASE("a peer that starts anew is another life of it", "[transport]") {
  TransportPair pair({}, {.incarnation = 1});
  Watch a(*pair.at_a);
  pair.run();
  CHECK(pair.at_a->incarnation(kB) == 1);
  TransportOptions again{.self = kB, .incarnation = 2};
  pair.at_b.reset();
  pair.at_b.emplace(pair.loop, pair.spy_b, pair.ledger, pair.trace, again);
  pair.at_b->connect({kA, kB});
  pair.run();
  CHECK(pair.at_a->incarnation(kB) == 2);
  CHECK(a.log == "olo");
}

TEST_CASE("a dial to nobody is repeated, later and later", "[transport]") {
  PlainLoop loop;
  Trace trace;
  Ledger ledger;
  PipeNetwork network(loop, 4);
  Transport b(loop, network.endpoint(kB), ledger, trace, {.self = kB});
  Watch watch(b);
  b.connect({kA, kB});
  // After 0, 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s, then every 5 s: twelve times in half a minute.
  loop.run_until(31s);
  CHECK(watch.log == "rrrrrrrrrrr");
  Transport a(loop, network.endpoint(kA), ledger, trace, {.self = kA});
  a.connect({kA, kB});
  loop.run_until(40s);
  CHECK(watch.log == "rrrrrrrrrrro");
}

TEST_CASE("what was cancelled stays so through sessions", "[transport]") {
  TransportPair pair;
  pair.run();
  pair.at_a->cancel_below(after_exchange({.plane = TagPlane::kResult, .round = 3, .epoch = 2}));
  pair.at_a->drop(kB, {FailureKind::kTimeout, "silent"});
  pair.run();
  const auto tag = [](std::uint64_t round, std::uint64_t epoch) {
    return make_tag({.plane = TagPlane::kResult, .round = round, .epoch = epoch, .piece = 7});
  };
  CHECK(pair.receive(*pair.at_a, tag(3, 2), 5).done() == false);
  Result<Slice>& old = pair.receive(*pair.at_a, tag(3, 1), 5);
  Result<Slice>& next = pair.receive(*pair.at_a, tag(3, 3), 5);
  pair.send(*pair.at_b, tag(3, 1), make_message(noise(5, 1)));
  pair.send(*pair.at_b, tag(3, 3), make_message(noise(5, 3)));
  pair.run();
  CHECK(old.kind() == FailureKind::kCancelled);
  CHECK(equal(next, noise(5, 3)));
}

Tag in_exchange(TagPlane plane, std::uint64_t number) {
  return make_tag({.plane = plane, .round = number});
}

TEST_CASE("peers that wait for each other in different exchanges are told so", "[transport]") {
  TransportPair pair;
  Result<Slice>& a = pair.receive(*pair.at_a, in_exchange(TagPlane::kContribution, 7), 10);
  Result<Slice>& b = pair.receive(*pair.at_b, in_exchange(TagPlane::kStart, 0), 10);
  pair.run();
  CHECK(a.why() ==
        "peer 1 waits in exchange 7 of fragment 0, peer 2 in the hand-out after pretraining: they "
        "wait for each other");
  CHECK(b.why() ==
        "peer 2 waits in the hand-out after pretraining, peer 1 in exchange 7 of fragment 0: they "
        "wait for each other");
  CHECK(a.kind() == FailureKind::kMismatch);
}

// A is still in exchange 7, which B has finished: B waits for it in exchange 8.
TEST_CASE("a peer that is only behind is waited for", "[transport]") {
  TransportPair pair({}, {}, [](int connection) {
    return connection == 0 ? Nanos{0} : Nanos{std::chrono::seconds(20)};  // data is slow
  });
  const Tag seven = in_exchange(TagPlane::kContribution, 7);
  const Tag eight = in_exchange(TagPlane::kContribution, 8);
  Result<Slice>& a = pair.receive(*pair.at_a, seven, 10);
  pair.send(*pair.at_b, seven, make_message(noise(10, 1)));
  Result<Slice>& b = pair.receive(*pair.at_b, eight, 10);
  pair.loop.run_until(pair.loop.now() + 45s);
  CHECK(equal(a, noise(10, 1)));
  CHECK_FALSE(b.done());
  pair.send(*pair.at_a, eight, make_message(noise(10, 2)));
  pair.run();
  CHECK(equal(b, noise(10, 2)));
}

TEST_CASE("served control messages come in order, each an event", "[transport]") {
  TransportPair pair;
  std::vector<int> heard;
  pair.at_a->serve(TagPlane::kMember, [&](PeerId from, const Slice& message) {
    CHECK(from == kB);
    heard.push_back(static_cast<int>(message.bytes[0]));
  });
  for (int i = 0; i < 5; ++i) {
    pair.send(*pair.at_b, kControl1, make_message({static_cast<std::byte>(i)}));
  }
  pair.run();
  CHECK(heard == std::vector<int>{0, 1, 2, 3, 4});
}

}  // namespace
}  // namespace strait
