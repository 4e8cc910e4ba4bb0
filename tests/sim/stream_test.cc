// The conformance suite for the networks that need no sockets.
#include "backends/loopback/pipe.h"
#include "core/io/uv_loop.h"
#include "netsim/emulated_network.h"
#include "tests/conformance/stream_conformance.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

class PipeWorld : public StreamWorld {
 public:
  explicit PipeWorld(Bytes send_buffer) : network_(loop_, 4, {.send_buffer = send_buffer}) {}
  Network& endpoint(PeerId peer) override { return network_.endpoint(peer); }
  void run() override { loop_.run_until_idle(); }

 private:
  PlainLoop loop_;
  PipeNetwork network_;
};

class EmulatedWorld : public StreamWorld {
 public:
  EmulatedWorld(const NetworkDescription& description, Bytes send_buffer)
      : network_(loop_, trace_, description, {.tcp = {}, .send_buffer = send_buffer}) {}
  Network& endpoint(PeerId peer) override { return network_.endpoint(peer); }
  void run() override { loop_.run_until_idle(); }

 private:
  PlainLoop loop_;
  Trace trace_;
  EmulatedNetwork network_;
};

MakeStreamWorld emulated(const NetworkDescription& description) {
  return [description](Bytes send_buffer) {
    return std::make_unique<EmulatedWorld>(description, send_buffer);
  };
}

AccessLink link(std::int64_t mbit, std::int64_t delay_ms) {
  return {megabits(mbit), megabits(mbit), Nanos{delay_ms * 1'000'000}};
}

/// By the wall clock, which costs the time that the links take: near ones.
template <class MakeNetwork>
class RealTimeWorld : public StreamWorld {
 public:
  explicit RealTimeWorld(MakeNetwork make) : network_(make(loop_, trace_)) {}
  Network& endpoint(PeerId peer) override { return network_->endpoint(peer); }
  void run() override { loop_.run_until_idle(); }

 private:
  UvLoop loop_;
  Trace trace_;
  std::invoke_result_t<MakeNetwork, Loop&, Trace&> network_;
};

template <class MakeNetwork>
std::unique_ptr<StreamWorld> in_real_time(MakeNetwork make) {
  return std::make_unique<RealTimeWorld<MakeNetwork>>(make);
}

TEST_CASE("the in-process pipe is a network", "[stream]") {
  check_streams([](Bytes send_buffer) { return std::make_unique<PipeWorld>(send_buffer); });
}

TEST_CASE("emulated links without limits are a network", "[stream]") {
  check_streams(emulated(describe_network({{}, {}, {}})));
}

TEST_CASE("emulated slow links are a network", "[stream]") {
  check_streams(emulated(describe_network({link(1, 50), link(2, 10), link(100, 0)})));
}

TEST_CASE("the in-process pipe is a network in real time", "[stream]") {
  check_streams([](Bytes send_buffer) {
    return in_real_time([send_buffer](Loop& loop, Trace&) {
      return std::make_unique<PipeNetwork>(loop, 4, PipeOptions{.send_buffer = send_buffer});
    });
  });
}

TEST_CASE("emulated links are a network in real time", "[stream]") {
  check_streams([](Bytes send_buffer) {
    return in_real_time([send_buffer](Loop& loop, Trace& trace) {
      return std::make_unique<EmulatedNetwork>(
          loop, trace, describe_network({link(20, 2), link(50, 1), link(100, 0)}),
          EmulatedOptions{.tcp = {}, .send_buffer = send_buffer});
    });
  });
}

TEST_CASE("peers in one place are a network", "[stream]") {
  NetworkDescription description = describe_network({link(1, 50)});
  description.place_of_peer = {0, 0, 0, 0};
  check_streams(emulated(description));
}

TEST_CASE("links with outages and pauses are a network", "[stream]") {
  std::vector<NetworkEvent> events;
  for (std::int64_t i = 1; i < 40; ++i) {
    const Nanos at{i * 700'000'000};
    const auto island = static_cast<IslandId>(i % 3);
    events.push_back(link_event(at, NetworkEventKind::kLinkDown, island));
    events.push_back(link_event(at + Nanos{90'000'000}, NetworkEventKind::kLinkUp, island));
    events.push_back({.time = at + Nanos{100'000'000},
                      .kind = NetworkEventKind::kIslandPause,
                      .island = (island + 1) % 3,
                      .duration = Nanos{300'000'000}});
  }
  check_streams(emulated(describe_network({link(1, 50), link(1, 10), link(1, 20)}, events)));
}

TEST_CASE("streams may outlive their network", "[stream]") {
  PlainLoop loop;
  Trace trace;
  conformance::Side pipe_side, emulated_side;
  {
    PipeNetwork pipe(loop, 2);
    EmulatedNetwork emulated_network(loop, trace, describe_network({{}, {}}));
    pipe_side.take(pipe.endpoint(PeerId::kCoordinator).dial(peer_of(0), Plane::kData));
    emulated_side.take(emulated_network.endpoint(peer_of(0)).dial(peer_of(1), Plane::kData));
  }
  for (conformance::Side* side : {&pipe_side, &emulated_side}) {
    side->offer(conformance::make_slice(10));
    loop.run_until_idle();
    side->drop();
    CHECK(side->up_calls == 0);
  }
}

// The head's up-call is the last one if it ends the network; the body is let go.
template <class MakeNetwork>
void check_end_in_an_up_call(PlainLoop& loop, const MakeNetwork& make) {
  auto network = make();
  conformance::Side a, b;
  const PeerId from = peer_of(0), to = PeerId::kCoordinator;
  network->endpoint(to).listen([&](PeerId, std::unique_ptr<Stream> s) { b.take(std::move(s)); });
  a.take(network->endpoint(from).dial(to, Plane::kData));
  b.on_arrived = [&] { network.reset(); };
  const Slice body = conformance::make_slice(10);
  a.offer(conformance::make_slice(5), body);
  loop.run_until_idle();
  CHECK(b.received.size() == 5);
  CHECK(b.up_calls == 1);
  a.drop();
  b.drop();
  loop.run_until_idle();
  CHECK(body.hold.use_count() == 1);
}

TEST_CASE("a network that ends between a head and its body says no more", "[stream]") {
  PlainLoop loop;
  Trace trace;
  check_end_in_an_up_call(loop, [&] { return std::make_unique<PipeNetwork>(loop, 2); });
  check_end_in_an_up_call(loop, [&] {
    return std::make_unique<EmulatedNetwork>(loop, trace, describe_network({{}, {}}));
  });
}

}  // namespace
}  // namespace strait
