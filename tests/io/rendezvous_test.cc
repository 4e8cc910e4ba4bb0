// The rendezvous of processes: desk and lines on one loop in a thread of its own, askers on the
// test's thread, all over sockets of the loopback device. What is waited for comes within
// milliseconds; a test that waits in vain gives up after 20 s.
#include "backends/tcp/rendezvous.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "backends/tcp/rendezvous_messages.h"
#include "core/base/errors.h"
#include "core/base/rng.h"
#include "core/base/wall_clock.h"
#include "tests/conformance/stream_conformance.h"
#include "tests/support/catch.h"
#include "tests/support/free_ports.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

using namespace std::chrono_literals;
using rendezvous::FromDesk;
using rendezvous::ToDesk;

void pause_for(Nanos time) { ::poll(nullptr, 0, static_cast<int>(time / 1ms)); }

/// A loop with a thread, on which the test has things done.
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop_.run(); }) {}
  ~LoopThread() {
    loop_.post_from_thread(Nanos{0}, [this] { loop_.stop(); });
    thread_.join();
  }

  UvLoop& loop() { return loop_; }

  template <class F>
  auto on(F f) {
    std::packaged_task<std::invoke_result_t<F&>()> task(f);
    auto result = task.get_future();
    loop_.post_from_thread(Nanos{0}, [&task] { task(); });
    return result.get();
  }

  /// Until `f` on the loop is true.
  template <class F>
  bool wait_for(F f) {
    const Nanos until = monotonic_now() + 20s;
    while (!on(f)) {
      if (monotonic_now() > until) return false;
      pause_for(2ms);
    }
    return true;
  }

 private:
  UvLoop loop_;
  std::thread thread_;
};

/// What people are told; any thread.
class Lines {
 public:
  void add(const std::string& line) {
    const std::lock_guard lock(mutex_);
    all_ += line + "\n";
  }
  std::string all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  bool has(const std::string& part) const { return all().find(part) != std::string::npos; }

  /// It may not have been said yet.
  bool will_have(const std::string& part) const {
    const Nanos until = monotonic_now() + 20s;
    while (!has(part) && monotonic_now() < until) pause_for(2ms);
    return has(part);
  }

 private:
  mutable std::mutex mutex_;
  std::string all_;
};

/// One side of a connection.
struct Ear final : StreamEvents {
  void take(std::unique_ptr<Stream> taken) {
    stream = std::move(taken);
    stream->listen(*this);
  }
  void arrived(Slice slice) override {
    received.insert(received.end(), slice.bytes.begin(), slice.bytes.end());
  }
  void writable() override {}
  void closed(Failure) override {}

  std::unique_ptr<Stream> stream;
  std::vector<std::byte> received;
};

/// An island: its network, its line, and the streams that it has.
struct Member {
  std::unique_ptr<SocketNetwork> network;
  std::unique_ptr<JoinLine> line;
  std::vector<std::unique_ptr<Ear>> accepted;
  Ear dialled;
  Lines said, refused;
};

/// A desk, and islands that are asked for by number. All that happens on the loop is undone there.
class Hall {
 public:
  explicit Hall(int islands, Nanos keep = 15s) : islands_(islands), keep_(keep) { open(0); }
  ~Hall() {
    thread.on([this] {
      members.clear();
      desk.reset();
      network.reset();
    });
  }

  void open(std::uint16_t port) {
    thread.on([this, port] {
      SocketAddress here;
      here.set_port(port);
      network = std::make_unique<SocketNetwork>(thread.loop(), PeerId::kCoordinator,
                                                SocketOptions{}, here, "test");
      desk = std::make_unique<JoinDesk>(
          thread.loop(), *network,
          JoinDesk::Options{.run_id = run_id,
                            .islands = islands_,
                            .scenario = "two towns",
                            .settings = settings,
                            .new_incarnation = [this] { return ++incarnation; },
                            .joins = [this](IslandId) { return has_begun; },
                            .say = [this](const std::string& line) { said.add(line); },
                            .keep = keep_,
                            .knock_timeout = 300ms});
      place = {.host = "127.0.0.1", .port = network->address().port()};
    });
  }
  void close() {
    thread.on([this] {
      desk.reset();
      network.reset();
    });
  }

  JoinReply ask(std::optional<IslandId> island = {}) {
    return ask_to_join(place, {.island = island, .program = "51b58f1"}, 0s);
  }
  /// What the asker is told.
  std::string refusal(std::optional<IslandId> island = {}) {
    try {
      std::ignore = ask(island);
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  }

  /// Port 0: its own.
  void enter(const JoinReply& reply, std::uint16_t advertised = 0, const std::string& host = {}) {
    thread.on([&] {
      Member& m = members[reply.island];
      m.line.reset();
      m.network = std::make_unique<SocketNetwork>(thread.loop(), peer_of(reply.island),
                                                  SocketOptions{.dial_timeout = 2s},
                                                  SocketAddress(), "test");
      m.network->listen([&m](PeerId, std::unique_ptr<Stream> stream) {
        m.accepted.push_back(std::make_unique<Ear>());
        m.accepted.back()->take(std::move(stream));
      });
      m.line = std::make_unique<JoinLine>(
          thread.loop(), *m.network,
          JoinLine::Options{.coordinator = place,
                            .place = reply,
                            .advertise = {.host = host, .port = advertised},
                            .say = [&m](const std::string& line) { m.said.add(line); },
                            .refused = [&m](const std::string& line) { m.refused.add(line); }});
    });
  }
  bool is_present(int count) {
    return thread.wait_for([&] { return desk->present() == count; });
  }
  void kill(IslandId island) {
    thread.on([&] { members.erase(island); });
  }

  /// Bytes go from one island to the other and back.
  bool meet(IslandId from, IslandId to) {
    thread.on([&] {
      Member& a = members.at(from);
      a.dialled.received.clear();
      a.dialled.take(a.network->dial(peer_of(to), Plane::kData));
      a.dialled.stream->offer(conformance::make_slice(100'000), {});
    });
    const auto arrived = [&]() -> Ear* {
      for (const auto& side : members.at(to).accepted) {
        if (side->received == conformance::bytes_of(100'000)) return side.get();
      }
      return nullptr;
    };
    if (!thread.wait_for([&] { return arrived() != nullptr; })) return false;
    thread.on([&] { arrived()->stream->offer(conformance::make_slice(50'000, 3), {}); });
    const bool back = thread.wait_for(
        [&] { return members.at(from).dialled.received == conformance::bytes_of(50'000, 3); });
    thread.on([&] {
      members.at(from).dialled.stream.reset();
      members.at(to).accepted.clear();
    });
    return back;
  }

  LoopThread thread;
  std::uint64_t run_id = 0xabc;
  std::uint64_t incarnation = 0;
  bool has_begun = false;
  std::string settings = "[run]\nseed = 7\n";
  HostPort place;
  std::unique_ptr<SocketNetwork> network;
  std::unique_ptr<JoinDesk> desk;
  std::map<IslandId, Member> members;
  Lines said;

 private:
  const int islands_;
  const Nanos keep_;
};

/// A plain listening socket, whose only visitor is told `answer`, if it is not empty.
class Stranger {
 public:
  explicit Stranger(std::string answer, bool closes = false, int backlog = 4)
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const SocketAddress any;
    REQUIRE(::bind(fd_, any.raw(), sizeof(sockaddr_in)) == 0);
    REQUIRE(::listen(fd_, backlog) == 0);
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&raw), &size);
    place = {.host = "127.0.0.1", .port = SocketAddress(raw).port()};
    if (answer.empty() && !closes) return;
    thread_ = std::thread([this, answer] {
      const int visitor = ::accept(fd_, nullptr, nullptr);
      std::ignore = ::send(visitor, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::shutdown(visitor, SHUT_WR);
      std::array<char, 256> rest;
      while (::recv(visitor, rest.data(), rest.size(), 0) > 0) continue;
      ::close(visitor);
    });
  }
  ~Stranger() {
    if (thread_.joinable()) thread_.join();
    ::close(fd_);
  }

  HostPort place;

 private:
  const int fd_;
  std::thread thread_;
};

/// A plain socket to the desk.
class Client {
 public:
  explicit Client(const HostPort& to) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const SocketAddress address = SocketAddress::of_numbers(to).value();
    REQUIRE(::connect(fd_, address.raw(), sizeof(sockaddr_in)) == 0);
  }
  ~Client() { ::close(fd_); }

  void send(std::span<const std::byte> bytes) {
    std::ignore = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void send_preamble() {
    send(pack(Preamble{.purpose = Preamble::Purpose::kJoin, .plane = Plane::kControl}));
  }
  /// All that comes until `count` bytes are there, the other side closes, or nothing comes for 2 s.
  std::vector<std::byte> receive(std::size_t count) {
    std::vector<std::byte> all(count);
    std::size_t filled = 0;
    pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
    while (filled<count&& ::poll(&one, 1, 2'000)> 0) {
      const ssize_t got = ::recv(fd_, all.data() + filled, count - filled, 0);
      closed = got <= 0;
      if (closed) break;
      filled += static_cast<std::size_t>(got);
    }
    all.resize(filled);
    return all;
  }

  bool closed = false;

 private:
  const int fd_;
};

std::string refusal_of(const HostPort& place, Nanos patience = 0s, Nanos silence = 200ms) {
  try {
    std::ignore = ask_to_join(place, {}, patience, silence);
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("an island is given a place and hears what is run", "[rendezvous]") {
  Hall hall(3);
  const JoinReply first = hall.ask(), second = hall.ask();
  CHECK(first.run_id == 0xabc);
  CHECK(first.island == 0);
  CHECK(first.islands == 3);
  CHECK_FALSE(first.joins);
  CHECK(first.scenario == "two towns");
  CHECK(first.settings == hall.settings);
  CHECK(first.coordinator.port() == hall.place.port);
  CHECK(second.island == 1);
  CHECK(second.incarnation > first.incarnation);
  hall.has_begun = true;
  CHECK(hall.ask(2).joins);
}

TEST_CASE("settings of megabytes arrive whole", "[rendezvous]") {
  Hall hall(1);
  hall.close();
  hall.settings.assign(kLongestSettings, 'x');
  hall.open(0);
  CHECK(hall.ask().settings == hall.settings);
}

TEST_CASE("an island may ask for its number", "[rendezvous]") {
  Hall hall(3);
  CHECK(hall.ask(1).island == 1);
  CHECK(hall.ask().island == 0);
  CHECK(hall.ask().island == 2);
  CHECK(contains(hall.refusal(3), "there is no island 3: this run has the islands 0 to 2"));
  CHECK(contains(hall.refusal(-7), "there is no island -7"));
}

TEST_CASE("a place is given to one only", "[rendezvous]") {
  Hall hall(2, /*keep=*/300ms);
  const JoinReply zero = hall.ask(0);
  CHECK(contains(hall.refusal(0),
                 "island 0 was given to a process at 127.0.0.1 (program 51b58f1) that is just"));
  hall.enter(zero);
  REQUIRE(hall.is_present(1));
  CHECK(contains(hall.refusal(0), "island 0 is taken by a process at 127.0.0.1:"));
  CHECK(contains(hall.refusal(0), "that is still connected"));
  const JoinReply one = hall.ask();
  CHECK(one.island == 1);
  const std::string full = hall.refusal();
  CHECK(contains(full, "all 2 places are taken: islands 0 (127.0.0.1:"));
  CHECK(contains(full, "just starting"));
  // Who does not come loses its place.
  pause_for(400ms);
  CHECK(hall.ask().island == 1);
}

TEST_CASE("a killed island may come again at once and under its number", "[rendezvous]") {
  Hall hall(2);
  const JoinReply old = hall.ask(1);
  hall.enter(old);
  REQUIRE(hall.is_present(1));
  hall.kill(1);
  REQUIRE(hall.is_present(0));
  // Nobody else is given its number meanwhile.
  CHECK(hall.ask().island == 0);
  CHECK(contains(hall.refusal(), "1 (lost, may come back)"));
  const JoinReply anew = hall.ask(1);
  CHECK(anew.incarnation > old.incarnation);
  hall.enter(anew);
  REQUIRE(hall.is_present(1));
  CHECK(hall.said.has("island 1 is gone"));
  hall.kill(1);
  // The older process, which was thought dead.
  hall.enter(old);
  CHECK(hall.members.at(1).refused.will_have("island 1 has been started anew, at 127.0.0.1:"));
}

TEST_CASE("an island of another run is refused", "[rendezvous]") {
  Hall hall(2);
  JoinReply reply = hall.ask();
  reply.run_id = 0xdef;
  hall.enter(reply);
  CHECK(hall.members.at(0).refused.will_have(
      "the coordinator runs abc, this island belongs to run def"));
}

TEST_CASE("islands meet through the desk", "[rendezvous]") {
  Hall hall(3);
  for (int island = 0; island < 3; ++island) hall.enter(hall.ask());
  REQUIRE(hall.is_present(3));
  CHECK(hall.meet(2, 0));
  CHECK(hall.meet(1, 2));
  for (const auto& [island, member] : hall.members) {
    CHECK(member.said.will_have(fmt::format("island {} is reached at 127.0.0.1:", island)));
    CHECK(member.refused.all().empty());
  }
}

TEST_CASE("an island that cannot be dialled meets others in both directions", "[rendezvous]") {
  Hall hall(2);
  const bool first = GENERATE(true, false);
  const JoinReply open = hall.ask(), shut = hall.ask();
  const std::uint16_t nowhere = free_ports();
  if (first) hall.enter(shut, nowhere);
  hall.enter(open);
  if (!first) hall.enter(shut, nowhere);
  REQUIRE(hall.is_present(2));
  CHECK(hall.said.has("island 1 cannot be dialled (127.0.0.1:"));
  CHECK(hall.members.at(1).said.will_have("refuses connections): it only dials"));
  CHECK(hall.meet(0, 1));
  CHECK(hall.meet(1, 0));
}

TEST_CASE("the coordinator dials an island that only dials", "[rendezvous]") {
  Hall hall(1);
  hall.enter(hall.ask(), free_ports());
  REQUIRE(hall.is_present(1));
  Ear side;
  hall.thread.on([&] {
    side.take(hall.network->dial(peer_of(0), Plane::kControl));
    side.stream->offer(conformance::make_slice(10), {});
  });
  CHECK(hall.thread.wait_for([&] {
    const auto& accepted = hall.members.at(0).accepted;
    return accepted.size() == 1 && accepted.front()->received == conformance::bytes_of(10);
  }));
  hall.thread.on([&] { side.stream.reset(); });
}

TEST_CASE("of two islands that only dial the second is refused", "[rendezvous]") {
  Hall hall(3);
  hall.enter(hall.ask(), free_ports());
  REQUIRE(hall.is_present(1));
  hall.enter(hall.ask(1), free_ports());
  hall.enter(hall.ask(2));
  REQUIRE(hall.is_present(2));
  const Lines& told = hall.members.at(1).refused;
  CHECK(told.will_have("neither island 1 (127.0.0.1:"));
  CHECK(told.has("nor island 0 (127.0.0.1:"));
  CHECK(told.has("--advertise"));
  // Its place is free again.
  CHECK(hall.ask().island == 1);
}

TEST_CASE("an island may say where it is reached", "[rendezvous]") {
  Hall hall(2);
  hall.enter(hall.ask(), 0, "127.0.0.1");
  const JoinReply other = hall.ask();
  hall.enter(other);
  REQUIRE(hall.is_present(2));
  CHECK(hall.meet(1, 0));
  const HostPort bad{.host = "no.such.host.invalid", .port = 0};
  const std::string told = hall.thread.on([&]() -> std::string {
    SocketNetwork network(hall.thread.loop(), peer_of(1), {}, SocketAddress(), "test");
    try {
      const JoinLine line(hall.thread.loop(), network,
                          {.coordinator = hall.place, .place = other, .advertise = bad});
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  });
  CHECK(contains(told, "--advertise: host 'no.such.host.invalid' is unknown"));
}

// The kernel takes the desk's dial, but the process stands still, as after SIGSTOP.
TEST_CASE("the place of a process that stands still is taken", "[rendezvous]") {
  Hall hall(2);
  const JoinReply reply = hall.ask(1);
  {
    const Stranger still("");
    Client line(hall.place);
    line.send_preamble();
    line.send(pack(ToDesk(rendezvous::Here{.run_id = 0xabc,
                                           .island = 1,
                                           .incarnation = reply.incarnation,
                                           .at = {.host = {}, .port = still.place.port}})));
    REQUIRE(hall.is_present(1));
    CHECK(hall.said.has("does not answer): it only dials"));
    CHECK(contains(hall.refusal(1), "that is still connected"));
  }
  REQUIRE(hall.is_present(0));
  CHECK(hall.ask(1).island == 1);
}

// After a reset that the desk has not noticed, for instance.
TEST_CASE("the same life may come again on a second connection", "[rendezvous]") {
  Hall hall(1);
  const JoinReply reply = hall.ask();
  hall.enter(reply);
  REQUIRE(hall.is_present(1));
  const auto port = hall.thread.on([&] { return hall.members.at(0).network->address().port(); });
  Client line(hall.place);
  line.send_preamble();
  line.send(pack(ToDesk(rendezvous::Here{.run_id = 0xabc,
                                         .island = 0,
                                         .incarnation = reply.incarnation,
                                         .at = {.host = {}, .port = port}})));
  const auto answer = line.receive(13);  // length, "join", version, kind
  REQUIRE(answer.size() == 13);
  CHECK(answer[12] == std::byte{3});  // Reached
  CHECK(hall.members.at(0).said.will_have("is lost"));
}

TEST_CASE("an IPv4 address in IPv6's dress is an IPv4 address", "[rendezvous]") {
  const auto address = SocketAddress::of_numbers({.host = "::ffff:10.0.0.5", .port = 7000});
  REQUIRE(address.has_value());
  CHECK(address->text() == "10.0.0.5:7000");
  CHECK(address->family() == AF_INET);
  CHECK_FALSE(SocketAddress::of_numbers({.host = "localhost", .port = 7000}).has_value());
}

TEST_CASE("the desk may be started anew", "[rendezvous]") {
  Hall hall(3);
  hall.enter(hall.ask(), free_ports());
  hall.enter(hall.ask());
  REQUIRE(hall.is_present(2));
  const std::uint16_t port = hall.place.port;
  hall.close();
  CHECK(hall.members.at(0).said.will_have("is lost"));
  hall.has_begun = true;
  hall.open(port);
  // Nobody is given a number that an island of before may have.
  CHECK(contains(hall.refusal(), "all 3 places are taken"));
  REQUIRE(hall.is_present(2));
  CHECK(hall.meet(1, 0));
  CHECK(hall.meet(0, 1));
  CHECK(hall.members.at(0).said.will_have("the coordinator is back"));
  CHECK(hall.members.at(0).refused.all().empty());
  CHECK(hall.members.at(1).refused.all().empty());
}

TEST_CASE("who asks is told what is wrong with the address", "[rendezvous]") {
  SECTION("the host is unknown") {
    const std::string told = refusal_of({.host = "no.such.host.invalid", .port = 7000});
    CHECK(contains(told, "no.such.host.invalid:7000: host 'no.such.host.invalid' is unknown"));
  }
  SECTION("nobody listens") {
    const HostPort place{.host = "127.0.0.1", .port = free_ports()};
    CHECK(
        contains(refusal_of(place, 300ms), "nobody listens there (tried for 300ms); is the coord"));
  }
  SECTION("nobody answers") {
    const Stranger silent("");
    CHECK(contains(refusal_of(silent.place), "has said nothing for 200ms"));
  }
  SECTION("what is sent there is dropped") {
    Stranger full("", /*closes=*/false, /*backlog=*/0);
    const Client first(full.place);  // the kernel takes no more than these
    CHECK(contains(refusal_of(full.place), "nothing has come back for 200ms"));
  }
  SECTION("it is another program") {
    const Stranger web(GENERATE("HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                                "\x05"
                                "12345678"));
    CHECK(contains(refusal_of(web.place), "what answers there is not Strait"));
  }
  SECTION("it closes the connection") {
    const Stranger rude("", /*closes=*/true);
    CHECK(contains(refusal_of(rude.place), "takes connections there and closes them"));
  }
  SECTION("it is an island") {
    Hall hall(1);
    hall.enter(hall.ask());
    REQUIRE(hall.is_present(1));
    const auto port = hall.thread.on([&] { return hall.members.at(0).network->address().port(); });
    CHECK(contains(refusal_of({.host = "127.0.0.1", .port = port}), "closes them"));
  }
  SECTION("it is another version") {
    auto answer = pack(FromDesk(JoinReply{.islands = 1}));
    answer[8] = std::byte{99};
    const Stranger newer(std::string(reinterpret_cast<const char*>(answer.data()), answer.size()));
    CHECK(contains(
        refusal_of(newer.place),
        fmt::format("speaks protocol version 99, this program version {}", kProtocolVersion)));
  }
}

TEST_CASE("who asks waits for a coordinator that starts later", "[rendezvous]") {
  const HostPort place{.host = "localhost", .port = free_ports()};
  Hall hall(1);
  hall.close();
  auto asked = std::async(std::launch::async, [&] { return ask_to_join(place, {}, 20s); });
  pause_for(300ms);
  hall.open(place.port);
  CHECK(asked.get().island == 0);
}

TEST_CASE("the desk tells another version which it is", "[rendezvous]") {
  Hall hall(1);
  Client client(hall.place);
  client.send_preamble();
  auto ask = pack(ToDesk(rendezvous::Ask{}));
  ask[8] = std::byte{99};
  ask.resize(ask.size() + 500);  // of which only the version is understood
  ask[0] = static_cast<std::byte>((ask.size() - 4) & 0xff);
  ask[1] = static_cast<std::byte>((ask.size() - 4) >> 8);
  client.send(ask);
  const auto head = client.receive(12);
  REQUIRE(head.size() == 12);
  CHECK(rendezvous::version_of(std::span(head).subspan(4)) == kProtocolVersion);
  CHECK(hall.ask().island == 0);  // no place was given
}

TEST_CASE("nonsense is dropped and hurts nobody at the desk", "[rendezvous]") {
  Hall hall(2);
  hall.enter(hall.ask());
  REQUIRE(hall.is_present(1));
  INFO("seed " << test_seed());
  Rng rng(test_seed(), "nonsense");
  for (int i = 0; i < 200; ++i) {
    Client client(hall.place);
    if (i % 8 != 0) client.send_preamble();
    // Bytes by chance, or a message that something happened to.
    auto bytes = pack(i % 2 == 0 ? ToDesk(rendezvous::Ask{})
                                 : ToDesk(rendezvous::Here{.run_id = 0xabc, .island = 1}));
    if (i % 3 == 0) bytes.resize(static_cast<std::size_t>(rng.below(300)));
    const std::size_t changes = i % 3 == 0 ? bytes.size() : 2;
    for (std::size_t c = 0; c < changes && !bytes.empty(); ++c) {
      bytes[static_cast<std::size_t>(rng.below(bytes.size()))] =
          static_cast<std::byte>(rng.below(256));
    }
    client.send(bytes);
  }
  // A length that nobody has.
  Client client(hall.place);
  client.send_preamble();
  client.send(std::vector<std::byte>(64, std::byte{0xff}));
  CHECK(client.receive(1).empty());
  CHECK(client.closed);
  CHECK(hall.is_present(1));
  CHECK(hall.thread.on([&] { return hall.members.at(0).refused.all().empty(); }));
}

}  // namespace
}  // namespace strait
