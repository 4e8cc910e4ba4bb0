// The two ends of strait net probe HOST:PORT over loopback, and what strangers get.
#include "apps/probing/real/probe_server.h"

#include <sys/eventfd.h>

#include <memory>

#include "apps/probing/real/link_measurement.h"
#include "apps/probing/real/transfer.h"
#include "core/base/errors.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

class Serving {
 public:
  Serving()
      : stop_(::eventfd(0, EFD_CLOEXEC)),
        server_(SocketAddress(), "test",
                [this](const std::string& line) { said_.push_back(line); }),
        thread_([this] { server_.run(stop_); }) {}
  ~Serving() {
    if (thread_.joinable()) end();
    ::close(stop_);
  }
  SocketAddress address() const { return server_.address(); }

  void end() {
    ::eventfd_write(stop_, 1);
    thread_.join();
  }

 private:
  int stop_;
  std::vector<std::string> said_;
  ProbeServer server_;
  std::thread thread_;
};

/// What somebody gets who sends this, up to the end of the connection.
std::vector<std::byte> answer(const Serving& serving, std::span<const std::byte> sent) {
  const ProbeSocket socket = ProbeSocket::connect(serving.address());
  socket.send_all(sent);
  socket.end();
  std::vector<std::byte> got(4096);
  try {
    got.resize(socket.receive_all(got));
  } catch (const std::runtime_error&) {  // reset
    got.clear();
  }
  return got;
}

std::optional<ProbeReply> reply_to(const Serving& serving, std::span<const std::byte> sent) {
  const std::vector<std::byte> got = answer(serving, sent);
  if (got.size() != kProbeReplyBytes) return std::nullopt;
  const auto read = read_reply(std::span(got).first<kProbeReplyBytes>());
  return read ? std::optional(read->reply) : std::nullopt;
}

TEST_CASE("a server of probes answers probes and cuts off strangers", "[io]") {
  Serving serving;
  const auto good = pack(ProbeRequest{});
  CHECK(reply_to(serving, good) == ProbeReply::kGo);
  auto other = good;
  other[8] = std::byte{99};
  CHECK(reply_to(serving, other) == ProbeReply::kOtherVersion);
  CHECK(reply_to(serving, pack(ProbeRequest{.kind = ProbeKind{7}})) == ProbeReply::kBad);
  CHECK(reply_to(serving, pack(ProbeRequest{.time = kMostProbeTime + 1ns})) == ProbeReply::kBad);
  CHECK(reply_to(serving, pack(ProbeRequest{.time = -1ns})) == ProbeReply::kBad);
  CHECK(answer(serving, std::span(good).first(20)).empty());
  Rng rng(test_seed(), "strangers");
  for (int i = 0; i < 50; ++i) {
    std::vector<std::byte> bytes(rng.below(5000));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next());
    CHECK(answer(serving, bytes).empty());
  }
  CHECK(reply_to(serving, good) == ProbeReply::kGo);  // it still serves
}

TEST_CASE("bytes that no server of probes sends are no figures of a transfer", "[io]") {
  std::array<std::byte, kSenderFiguresBytes> bytes{};
  bytes.fill(std::byte{0xFF});
  const SenderFigures figures = read_sender_figures(bytes);
  CHECK(figures.segments == 0);
  CHECK(figures.goodput.value == 0);
  bytes.fill(std::byte{0x7F});
  CHECK(read_sender_figures(bytes).segments == kMostProbeBytes);
  CHECK(read_sender_figures(bytes).sent_again <= kMostProbeBytes);
  CHECK(read_sender_figures(bytes).high_rtt <= kMostProbeTime);
}

TEST_CASE("a server of probes ends while it serves", "[io]") {
  auto serving = std::make_unique<Serving>();
  const ProbeSocket socket = ProbeSocket::connect(serving->address());
  socket.send_all(pack(ProbeRequest{.kind = ProbeKind::kDownload, .time = 50s}));
  std::array<std::byte, kProbeReplyBytes> reply{};
  REQUIRE(socket.receive_all(reply) == reply.size());
  serving.reset();
  std::vector<std::byte> block(1 << 20);
  bool over = false;
  try {
    while (!over) over = socket.receive_some(block) == 0;
  } catch (const std::runtime_error&) {  // reset
    over = true;
  }
  CHECK(over);
}

/// Somebody who listens, takes one connection, sends this and waits for its end.
template <class Then>
void beside(const std::string& sent, Then then) {
  const ProbeSocket listener = ProbeSocket::listen(SocketAddress(), "test");
  std::thread other([&] {
    ProbeSocket socket;
    while (!socket) socket = listener.accept();
    try {
      socket.set_patience(2 * kProbeSilence);
      socket.send_all(std::as_bytes(std::span(sent)));
      if (!sent.empty()) socket.end();
      std::array<std::byte, 64> bytes{};
      while (socket.receive_some(bytes) > 0) continue;
    } catch (const std::runtime_error&) {
    }
  });
  then(listener.local());
  other.join();
}

std::string why_not(const SocketAddress& server) {
  try {
    measure_real_link(server, {});
  } catch (const UserError& error) {
    return error.what();
  }
  return "measured";
}

TEST_CASE("who is no server of probes is found out at once", "[io]") {
  beside("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", [](const SocketAddress& at) {
    CHECK(why_not(at) ==
          at.text() + ": whoever listens there is no strait net serve; check the port");
  });
  beside("short", [](const SocketAddress& at) {
    CHECK_THAT(why_not(at), Catch::Contains("is no strait net serve"));
  });
  const auto busy = pack(ProbeReply::kBusy);
  beside(std::string(reinterpret_cast<const char*>(busy.data()), busy.size()),
         [](const SocketAddress& at) {
           CHECK(why_not(at) ==
                 at.text() + ": it measures another link just now; try again in a minute");
         });
  // Takes the five seconds of patience.
  beside("", [](const SocketAddress& at) {
    CHECK(why_not(at) == at.text() +
                             ": it has fallen silent; check that strait net serve still runs "
                             "there");
  });
}

}  // namespace
}  // namespace strait
