// strait net probe HOST:PORT and strait net serve, over loopback and, where this machine has labs,
// over a link whose figures are known.
#include <fmt/format.h>
#include <sys/socket.h>

#include <csignal>

#include "core/base/files.h"
#include "core/base/text.h"
#include "netsim/network_files.h"
#include "tests/process/program.h"

namespace strait {
namespace {

/// A server at a free port of this machine; Ctrl+C at the end.
class Serving {
 public:
  Serving() : program_({"net", "serve", "127.0.0.1:0"}) {
    const std::string line = program_.line();
    const auto words = split(line, ' ');
    REQUIRE(words.size() == 8);
    CHECK_THAT(line, Catch::StartsWith("serves strait net probe on 127.0.0.1:"));
    address_ = words[5];
  }
  const std::string& address() const { return address_; }
  Ended interrupt() { return program_.end(SIGINT); }

 private:
  RunningStrait program_;
  std::string address_;
};

LinkSpec link_of(const NetworkDescription& network, int from, int to) {
  return network.links.at(static_cast<std::size_t>(network.path(from, to).at(0)));
}

double mbit(BytesPerSecond rate) { return 8e-6 * static_cast<double>(rate.value); }

TEST_CASE("a real link is measured into a file that a run takes", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  Serving serving;
  const Ended ended = run_strait(
      {"net", "probe", serving.address(), "--seconds", "1", "--write", "mine.csv"}, child);
  INFO(ended.out << ended.err);
  REQUIRE(ended.code == 0);
  CHECK_THAT(ended.err,
             Catch::StartsWith("idle round trip: ") &&
                 Catch::Contains("\nto " + serving.address() + ": CUBIC, 1 connection: "));
  for (const char* text : {"\nthere  CUBIC, 4 connections ", "\nback   CUBIC, 1 connection ",
                           "\n0>1, there ", "\nlinks: mine.csv; to emulate it: "}) {
    CHECK_THAT(ended.out, Catch::Contains(text));
  }
  CHECK(files_in(folder.path()).size() == 1);
  // Loopback: no loss, microseconds. How fast depends on who else runs here.
  const NetworkDescription network = read_network({.links = folder / "mine.csv"}, 2, 1);
  for (const LinkSpec& link : {link_of(network, 0, 1), link_of(network, 1, 0)}) {
    CHECK(mbit(link.rate) > 50);
    CHECK(link.delay < std::chrono::milliseconds(50));
  }
  const Words run{"run",
                  scenario("quadratic"),
                  "--run.islands",
                  "2",
                  "--network.links",
                  "mine.csv",
                  "--run.rounds",
                  "2"};
  CHECK(run_strait(run, child).code == 0);
  const Ended shown = run_strait(
      {"net", "show", scenario("quadratic"), "--run.islands", "2", "--network.links", "mine.csv"},
      child);
  CHECK_THAT(shown.out, Catch::Contains(" 2 links: "));
  const Ended served = serving.interrupt();
  CHECK(served.code == 0);
  CHECK(served.err.empty());
  CHECK_THAT(served.out, Catch::StartsWith("127.0.0.1: probed for "));
}

TEST_CASE("a probe whose server goes away fails with one line and writes nothing", "[process]") {
  const TemporaryFolder folder;
  Serving serving;
  RunningStrait probe({"net", "probe", serving.address(), "--seconds", "60", "--write", "mine.csv"},
                      {.folder = folder.path()});
  probe.error_line();  // idle round trips: it has begun to send
  CHECK(serving.interrupt().code == 0);
  const Ended ended = probe.end();
  CHECK(ended.code == 1);
  CHECK_THAT(only_line(ended), Catch::StartsWith(serving.address() + ": "));
  CHECK(files_in(folder.path()).empty());
}

TEST_CASE("mistakes about a real link are one line each", "[process]") {
  const TemporaryFolder folder;
  const std::string usage = "write strait net probe HOST:PORT [--seconds N] [--write FILE]";
  for (const auto& [words, line] : affordable<std::pair<Words, std::string>>({
           {{"probe", "127.0.0.1"},
            "strait net probe: '127.0.0.1' has no port; write HOST:PORT, e.g. 10.0.0.1:7000"},
           {{"probe", "quadratic", "--seconds", "2"},
            "strait net probe: 'quadratic' has no port; write HOST:PORT, e.g. 10.0.0.1:7000"},
           {{"probe", "localhost:"},
            "strait net probe: 'localhost:' has no port between 0 and 65535; write HOST:PORT, e.g. "
            "10.0.0.1:7000"},
           {{"probe", "localhost:0"},
            "strait net probe: nobody listens on port 0; write the port that strait net serve "
            "names, e.g. localhost:7373"},
           {{"probe", "127.0.0.1:1"},
            "127.0.0.1:1: nobody listens there; start strait net serve on that machine"},
           {{"probe", "127.0.0.1:1", "--seconds", "61"},
            "--seconds 61: write a number from 1 to 60, e.g. 5"},
           {{"probe", "127.0.0.1:1", "--seconds"}, "--seconds has no number; " + usage},
           {{"probe", "127.0.0.1:1", "more"}, "'more' does not belong here; " + usage},
           {{"probe", "--write", "mine.csv"}, "no address; " + usage},
           {{"probe", "127.0.0.1:1", "--write", "/nowhere/mine.csv"},
            "cannot write /nowhere/mine.csv: No such file or directory; make that folder first or "
            "give another one with --write"},
           {{"serve", "0.0.0.0:0"},
            "strait net serve: 0.0.0.0:0 is reached from other machines, and nothing is encrypted "
            "or authenticated yet; add --insecure if you trust everybody on that network"},
           {{"serve", "--fast"},
            "'--fast' does not belong here; write strait net serve [HOST:PORT] [--insecure]"},
       })) {
    CHECK(mistake(Words{"net"} + words, {.folder = folder.path()}) == line);
  }
  const std::string unknown =
      mistake({"net", "probe", "no-such-host.invalid:7"}, {.folder = folder.path()});
  CHECK_THAT(unknown,
             Catch::StartsWith("strait net probe: host 'no-such-host.invalid' is unknown ("));
  const Serving serving;
  CHECK_THAT(mistake({"net", "serve", serving.address()}, {.folder = folder.path()}),
             Catch::StartsWith("strait net serve: cannot listen on " + serving.address()));
}

// --- over a link that is known ---

constexpr const char* kAsymmetric =
    "from,to,rate,delay,loss\n0,1,20mbit,15ms,\n1,0,60mbit,15ms,0.2%\n";

/// The probe at island 0, the server at island 1 until that is done.
constexpr const char* kAtEachIsland =
    "if [ $STRAIT_LAB_ISLAND = 0 ]; then\n"
    "  sleep 0.5\n"
    "  \"$1\" net probe 10.77.0.2:7373 --seconds 3 --write mine.csv; echo $? >done\n"
    "else\n"
    "  \"$1\" net serve 10.77.0.2:7373 --insecure & server=$!\n"
    "  until test -s done; do sleep 0.2; done\n"
    "  kill -TERM $server; wait $server\n"
    "fi\n";

/// Nothing if this machine has no labs, which is said.
std::optional<NetworkDescription> measured_in_lab() {
  const TemporaryFolder folder;
  write_file_atomically(folder / "links.csv", kAsymmetric);
  const Ended ended =
      run_strait({"net", "lab", scenario("quadratic"), "--run.islands", "2", "--network.links",
                  folder / "links.csv", "--", "sh", "-c", kAtEachIsland, "sh", program()},
                 {.folder = folder.path()});
  INFO(ended.out << ended.err);
  if (ended.code == 2) {
    WARN("SKIPPED, no labs on this machine: " << only_line(ended));
    return std::nullopt;
  }
  REQUIRE(ended.code == 0);
  CHECK(trim(read_file(folder / "done")) == "0");
  return read_network({.links = folder / "mine.csv"}, 2, 1);
}

bool near(const LinkSpec& link, double rate, double least_loss, double most_loss) {
  const double loss = 1e-6 * static_cast<double>(link.loss_ppm);
  const double delay = seconds(link.delay);
  return std::abs(mbit(link.rate) / rate - 1) < 0.05 && delay > 0.0149 && delay < 0.0165 &&
         loss >= least_loss && loss <= most_loss;
}

// In real time, on a machine that others may keep busy: rates within 5 %, delays within 10 %, a
// loss of 0.2 % between 0.05 and 0.6 % of some 7000 packets, and three attempts.
TEST_CASE("a probe finds rate and delay and loss of a known link in each direction", "[process]") {
  for (int attempt = 1;; ++attempt) {
    const auto network = measured_in_lab();
    if (!network) return;
    const LinkSpec there = link_of(*network, 0, 1), back = link_of(*network, 1, 0);
    CAPTURE(mbit(there.rate), mbit(back.rate), seconds(there.delay), there.loss_ppm, back.loss_ppm);
    const bool right = near(there, 20, 0, 0.0005) && near(back, 60, 0.0005, 0.006);
    if (!right && attempt < 3) continue;
    CHECK(right);
    return;
  }
}

}  // namespace
}  // namespace strait
