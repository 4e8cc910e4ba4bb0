// strait net lab: commands over a scenario's links with this machine's kernel, where it lets us.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <thread>

#include "apps/lab/lab.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/base/wall_clock.h"
#include "netsim/lone_traffic.h"
#include "tests/process/program.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUsage =
    "write strait net lab SCENARIO [--key value] [--coordinator COMMAND] [--write FILE] -- "
    "COMMAND...";
constexpr const char* kTwoHomes = "island,up,down,delay,loss\n*,50mbit,50mbit,15ms,0\n";

/// What ended, or nothing if this machine has no labs, which is said.
std::optional<Ended> in_lab(const TemporaryFolder& folder, const Words& words) {
  const Ended ended = run_strait(Words{"net", "lab"} + words, {.folder = folder.path()});
  if (ended.code != 2) return ended;
  WARN("SKIPPED, no labs on this machine: " << only_line(ended));
  return std::nullopt;
}

Words scenario_in(const TemporaryFolder& folder) {
  write_file_atomically(folder / "links.csv", kTwoHomes);
  return {scenario("quadratic"), "--islands", "2", "--network.links", folder / "links.csv"};
}

TEST_CASE("commands of a lab run once per island and once for the coordinator beside island 0",
          "[process]") {
  const TemporaryFolder folder;
  const std::string say =
      "echo $STRAIT_LAB_ISLAND of $STRAIT_LAB_ISLANDS at $STRAIT_LAB_ADDRESS to "
      "$STRAIT_LAB_COORDINATOR; echo no line end >&2";
  const auto ended =
      in_lab(folder, scenario_in(folder) + Words{"--coordinator", say, "--write", "bytes.csv", "--",
                                                 "sh", "-c", say});
  if (!ended) return;
  INFO(ended->out << ended->err);
  CHECK(ended->code == 0);
  for (const char* line :
       {"\n0 | 0 of 2 at 10.77.0.1 to 10.77.0.1\n", "\n1 | 1 of 2 at 10.77.0.2 to 10.77.0.1\n",
        "\ncoordinator | coordinator of 2 at 10.77.0.1 to 10.77.0.1\n"}) {
    CHECK_THAT(ended->out, Catch::Contains(line));
  }
  CHECK_THAT(ended->err, Catch::Contains("1 | no line end\n"));
  const std::string csv = read_file(folder / "bytes.csv");
  CHECK_THAT(csv, Catch::StartsWith("kind,name,packets,bytes,passed_packets,"));
  CHECK_THAT(csv, Catch::Contains("\nlink,1.down,0,0,0,0,0,0,0,0\n"));
  CHECK_THAT(csv, Catch::Contains("\ninterface,1.in,0,0,,,,,,\n"));
}

TEST_CASE("the first command of a lab that fails ends all others and what they left behind",
          "[process]") {
  const TemporaryFolder folder;
  const auto ended =
      in_lab(folder, scenario_in(folder) + Words{"--coordinator",
                                                 "sleep 300 & echo $! >left; sleep 301", "--",
                                                 "test $STRAIT_LAB_ISLAND = 0 || "
                                                 "{ until test -s left; do :; done; exit 7; }"});
  if (!ended) return;
  CHECK(ended->code == 1);
  CHECK(only_line(*ended) == "1: '/bin/sh' ended with 7");
  const std::string left = read_file(folder / "left");
  CHECK_FALSE(std::filesystem::exists("/proc/" + std::string(trim(left)) + "/cwd"));
}

TEST_CASE("mistakes about a lab are found before it is built", "[process]") {
  const TemporaryFolder folder;
  const std::string quadratic = scenario("quadratic");
  write_file_atomically(folder / "jitter.csv",
                        "island,up,down,delay,jitter\n*,50mbit,50mbit,15ms,1ms\n");
  write_file_atomically(folder / "late.csv", "island,start\n2,10s\n");
  const std::vector<std::pair<Words, std::string>> mistakes{
      {{}, fmt::format("no scenario; {}", kUsage)},
      {{quadratic}, fmt::format("no command; {}", kUsage)},
      {{quadratic, "--"}, fmt::format("no command; {}", kUsage)},
      {{quadratic, "--write", "--", "true"}, fmt::format("--write has no file; {}", kUsage)},
      {{quadratic, "--coordinator", "--", "true"},
       fmt::format("--coordinator has no command; {}", kUsage)},
      {{quadratic, "--network.kind", "pipe", "--", "true"},
       "network.kind = pipe: there are no links to build; write emulated"},
      {{quadratic, "--network.tcp", "ideal", "--", "true"},
       "network.tcp = ideal: no kernel has it; write cubic, reno or bbr"},
      {{quadratic, "--network.mss", "1000B", "--", "true"},
       "network.mss = 1000: a lab's packets have an MTU of 1500; write 1448B"},
      {{quadratic, "--network.header_bytes", "40B", "--", "true"},
       "network.header_bytes = 40: a lab's packets have 52 of IP and TCP and 14 of Ethernet; write "
       "66B"},
      {{scenario("outage"), "--", "true"},
       "network.events: a lab's links stay as they are and nothing happens to its islands; take it "
       "out of the scenario"},
      {{quadratic, "--network.links", folder / "jitter.csv", "--", "true"},
       "network.links: 0.up has a jitter of 1ms; a lab's links have none, so take it out"},
      {{quadratic, "--network.islands", folder / "late.csv", "--", "true"},
       "network.islands: island 2 starts at 10s; in a lab all start at once, so take out its "
       "start"},
  };
  for (const auto& [words, line] : mistakes) {
    CHECK(mistake(Words{"net", "lab"} + words, {.folder = folder.path()}) == line);
  }
}

// --- times: over sockets of this process, some of them in the lab ---

OwnedFile socket_in(const Lab& lab, IslandId island) {
  OwnedFile file;
  lab.inside(peer_of(island),
             [&] { file = OwnedFile(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); });
  return file;
}

/// From the first write on island 0 to the last byte on island 1.
Nanos transfer_in(const Lab& lab, Bytes bytes) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(5000);
  ::inet_pton(AF_INET, lab.address(peer_of(1)).c_str(), &at.sin_addr);
  const auto* address = reinterpret_cast<const sockaddr*>(&at);
  const OwnedFile listener = socket_in(lab, 1), sender = socket_in(lab, 0);
  REQUIRE(::bind(listener.get(), address, sizeof at) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  REQUIRE(::connect(sender.get(), address, sizeof at) == 0);
  const OwnedFile receiver(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const Nanos start = monotonic_now();
  std::thread sends([&] {
    const std::vector<char> all(static_cast<std::size_t>(bytes));
    std::ignore = ::send(sender.get(), all.data(), all.size(), MSG_NOSIGNAL);
  });
  std::vector<char> block(256 << 10);
  for (Bytes left = bytes; left > 0;) {
    const ssize_t count = ::recv(receiver.get(), block.data(), block.size(), 0);
    if (count <= 0) break;
    left -= count;
  }
  const Nanos end = monotonic_now();
  sends.join();
  return end - start;
}

Nanos transfer_emulated(const NetworkDescription& network, const EmulatedOptions& options,
                        Bytes bytes) {
  LoneTraffic traffic(options.tcp);
  std::vector<LinkId> links;
  for (const LinkOptions& link : link_options(network, options)) {
    links.push_back(traffic.links().add_link(link));
  }
  const LinkId there[] = {links[0], links[3]}, back[] = {links[2], links[1]};
  const std::size_t connection = traffic.connect(there, back);
  REQUIRE(traffic.run([&] { return traffic.opened(connection).has_value(); }));
  const Nanos start = traffic.now();
  traffic.offer(connection, bytes);
  REQUIRE(traffic.run([&] { return !traffic.arrivals(connection).empty(); }));
  return traffic.arrivals(connection).front() - start;
}

// The bound is loose, for a busy machine.
TEST_CASE("a transfer in a lab takes about as long as in the emulator and its bytes are counted",
          "[process]") {
  constexpr Bytes kBytes = 3'000'000;
  const auto congestion = GENERATE(CongestionControl::kCubic, CongestionControl::kBbr);
  const AccessLink home{.up = megabits(50), .down = megabits(50), .delay = 15ms};
  const NetworkDescription network = describe_network({home, home});
  EmulatedOptions options;
  options.tcp.congestion = congestion;
  options.tcp.window_cap = 4 << 20;
  const double emulated = seconds(transfer_emulated(network, options, kBytes));
  for (int attempt = 1;; ++attempt) {
    std::optional<Lab> lab;
    try {
      lab.emplace(network, options);
    } catch (const UserError& error) {
      WARN("SKIPPED, no labs on this machine: " << error.what());
      SUCCEED();
      return;
    }
    const double measured = seconds(transfer_in(*lab, kBytes));
    const LabReport report = lab->stop();
    const RelayCounters& up = report.relay.links[0];
    INFO(fmt::format("{}: measured {:.4f} s, emulated {:.4f} s, {:.2f} % late",
                     congestion_name(congestion), measured, emulated,
                     100 * report.relay.late_share()));
    // The two ways to count agree: what came to the uplink is what the interface has sent.
    CHECK(up.came.packets == report.hosts[0].packets_out);
    CHECK(up.came.bytes == report.hosts[0].bytes_out + kLinkHeader * up.came.packets);
    CHECK(report.relay.links[3].passed().packets == report.hosts[1].packets_in);
    CHECK(up.came.bytes > kBytes);
    const bool near = measured < 1.3 * emulated && measured > emulated / 1.3;
    if (!near && attempt < 3) continue;
    CHECK(near);
    break;
  }
}

}  // namespace
}  // namespace strait
