// The conformance suite of streams over sockets of the loopback device, in one process.
#include "backends/tcp/tcp_fabric.h"
#include "core/io/uv_loop.h"
#include "tests/conformance/stream_conformance.h"

namespace strait {
namespace {

class SocketWorld : public StreamWorld {
 public:
  explicit SocketWorld(Bytes send_buffer) : fabric_(loop_, {.unsent = send_buffer}) {
    for (int peer = 0; peer < 4; ++peer) fabric_.endpoint(static_cast<PeerId>(peer));
  }
  Network& endpoint(PeerId peer) override { return fabric_.endpoint(peer); }
  bool joins() const override { return true; }

  /// Nobody tells when the kernel has nothing left to hand over: 30 ms are long on loopback.
  void run() override {
    loop_.start_clock();
    loop_.at(loop_.wall() + Nanos{30'000'000}, [] {});
    loop_.run_until_idle();
  }

 private:
  UvLoop loop_;
  TcpFabric fabric_;
};

TEST_CASE("sockets are a network", "[stream]") {
  check_streams([](Bytes send_buffer) { return std::make_unique<SocketWorld>(send_buffer); });
}

}  // namespace
}  // namespace strait
