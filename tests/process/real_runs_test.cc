// Islands as processes over loopback sockets: strait launch, run under a launcher, and the mistakes
// of those who start them by hand.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <regex>
#include <thread>

#include "core/base/files.h"
#include "tests/process/program.h"
#include "tests/support/free_ports.h"

namespace strait {
namespace {

/// A socket that listens on loopback, and never answers.
class Listener {
 public:
  explicit Listener(std::uint16_t port = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t length = sizeof address;
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(fd_, 8) == 0);
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string place() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  int fd_;
  int port_ = 0;
};

/// Columns 1 to 6 of all rows: round, step, tokens, losses.
std::string curve(const std::string& metrics) {
  std::string result;
  std::size_t at = 0;
  while (at < metrics.size()) {
    const std::size_t end = std::min(metrics.find('\n', at), metrics.size());
    std::size_t cut = at;
    for (int commas = 0; cut < end && commas < 6; ++cut) commas += metrics[cut] == ',';
    result += metrics.substr(at, cut - at) + "\n";
    at = end + 1;
  }
  return result;
}

std::string hash_in(const std::string& verdict) {
  std::smatch found;
  const bool there =
      std::regex_search(verdict, found, std::regex("\"shared_parameters_hash\": \"(\\w+)\""));
  return there ? found[1].str() : "none";
}

const Words kShort{"--rounds", "5", "--eval.every", "2"};

TEST_CASE("islands as processes learn what emulated ones do, to the bit", "[process]") {
  for (const Words& keys : std::vector<Words>{
           {},
           {"--collective.algorithm", "ring", "--collective.codec", "int8"},
           {"--run.strategy", "data_parallel", "--run.inner_steps", "3"},
           {"--pretrain.steps", "4"},
       }) {
    const TemporaryFolder folder;
    const Child child{.folder = folder.path()};
    const Words what = Words{scenario("quadratic")} + kShort + keys;
    const Ended real = run_strait(Words{"launch", "-n", "4", "--out", "real"} + what, child);
    INFO(real.out << real.err);
    REQUIRE(real.code == 0);
    const Ended emulated = run_strait(Words{"run", "--out", "emulated"} + what, child);
    REQUIRE(emulated.code == 0);
    auto files = files_in(folder.path());
    CHECK(hash_in(files["real/quadratic-001/verdict.json"]) ==
          hash_in(files["emulated/quadratic-001/verdict.json"]));
    const std::string model = "/quadratic-001/checkpoints/final/shared.safetensors";
    REQUIRE(files.count("real" + model) == 1);
    CHECK(files["real" + model] == files["emulated" + model]);
    CHECK_THAT(real.out, Catch::Contains("sent by TCP, of it again"));
    // Real islands may come and go, so data parallelism commits, and shows, every step.
    if (real.out.find("data_parallel") == std::string::npos) {
      CHECK(curve(files["real/quadratic-001/metrics.csv"]) ==
            curve(files["emulated/quadratic-001/metrics.csv"]));
    }
    CHECK_THAT(real.out, Catch::Contains("island 3 | done after round"));
  }
}

TEST_CASE("checkpoints of real islands are those of emulated ones, to the bit", "[process]") {
  const std::string outer = GENERATE("nesterov", "adam", "sgd");
  CAPTURE(outer);
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const Words what{
      scenario("quadratic"), "--rounds", "40", "--run.inner_steps", "2", "--outer.optimizer", outer,
      "--outer.lr",          "0.1"};
  const Words often{"--checkpoint.every", "1", "--checkpoint.keep", "100"};
  const Ended real =
      run_strait(Words{"launch", "--out", "real", "--checkpoint.every", "10"} + what, child);
  INFO(real.out << real.err);
  REQUIRE(real.code == 0);
  REQUIRE(run_strait(Words{"run", "--out", "emulated"} + often + what, child).code == 0);
  auto files = files_in(folder.path());
  int compared = 0;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("real/quadratic-001/checkpoints/0")) continue;
    if (!name.ends_with(".safetensors")) continue;
    CAPTURE(name);
    CHECK(files["emulated" + name.substr(4)] == bytes);
    ++compared;
  }
  CHECK(compared >= (outer == "sgd" ? 1 : 2));  // whichever rounds they are of
  CHECK(run_strait({"checkpoint", "inspect", "real/quadratic-001"}, child).code == 0);
  CHECK(only_line(run_strait({"price", "real/quadratic-001"}, child)) ==
        "real/quadratic-001/config.resolved.ini was run over real connections: a price needs "
        "links; give them with --links FILE");
}

TEST_CASE("a full disk costs real islands a checkpoint, and not the run", "[process]") {
  const TemporaryFolder folder;
  const Words what = Words{"launch", scenario("quadratic"), "--quadratic.size", "300000"} + kShort;
  const Words checkpoints{"--checkpoint.every", "1", "--checkpoint.final", "false"};
  const Ended ended =
      run_strait(what + checkpoints, {.folder = folder.path(), .largest_file = 1'000'000});
  INFO(ended.out << ended.err);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out, Catch::Contains("WARNING: no checkpoint of round 1: cannot write ") &&
                            Catch::Contains("File too large"));
  const auto files = files_in(folder.path());
  CHECK(files.count("runs/quadratic-001/verdict.json") == 1);
  for (const auto& [name, bytes] : files) CHECK(name.find("checkpoints/0") == std::string::npos);
}

TEST_CASE("a run that shall leave no model leaves none", "[process]") {
  const TemporaryFolder folder;
  const Words what = Words{scenario("quadratic"), "--checkpoint.final", "false"} + kShort;
  for (const char* how : {"run", "launch"}) {
    REQUIRE(run_strait(Words{how} + what, {.folder = folder.path()}).code == 0);
  }
  const auto files = files_in(folder.path());
  CHECK(files.count("runs/quadratic-002/verdict.json") == 1);
  for (const auto& [name, bytes] : files) CHECK(name.find("checkpoints") == std::string::npos);
}

TEST_CASE("a launcher's processes find each other", "[process]") {
  const TemporaryFolder folder;
  const std::uint16_t port = free_ports(2);
  const Listener torchruns_store(port);
  const std::map<std::string, std::string> job{{"RANK", "0"},
                                               {"WORLD_SIZE", "2"},
                                               {"LOCAL_RANK", "0"},
                                               {"LOCAL_WORLD_SIZE", "2"},
                                               {"MASTER_ADDR", "127.0.0.1"},
                                               {"MASTER_PORT", std::to_string(port)}};
  auto second = job;
  second["RANK"] = second["LOCAL_RANK"] = "1";
  const Words words = Words{"run", scenario("quadratic")} + kShort;
  Ended other;
  std::thread thread(
      [&] { other = run_strait(words, {.folder = folder.path(), .environment = second}); });
  const Ended first = run_strait(words, {.folder = folder.path(), .environment = job});
  thread.join();
  INFO(first.out << first.err << other.out << other.err);
  CHECK(first.code == 0);
  CHECK(other.code == 0);
  CHECK_THAT(first.out, Catch::Contains("island 0 of 2 by torchrun"));
  CHECK_THAT(first.out, Catch::Contains("island 0 | done after round 5"));
  CHECK_THAT(other.out, Catch::Contains("done after round 5"));
}

TEST_CASE("a launch fails if its coordinator cannot begin", "[process]") {
  const TemporaryFolder folder;
  const Ended ended = run_strait({"launch", "-n", "2", scenario("quadratic"), "--run.rouns", "5"},
                                 {.folder = folder.path()});
  CHECK(ended.code == 2);
  CHECK_THAT(only_line(ended), Catch::Contains("run.rouns is not a key; did you mean run.rounds?"));
}

TEST_CASE("a coordinator's machine need not hold what its islands' hold", "[process]") {
  const TemporaryFolder folder, other;
  const Words run{scenario("quadratic"), "--run.islands", "1024", "--quadratic.size"};
  RunningStrait coordinator(Words{"coordinator"} + run + Words{"10000000"},
                            {.folder = folder.path()});
  std::string line = coordinator.line();
  for (int i = 0; i < 60 && !line.starts_with("coordinator listens on"); ++i) {
    line = coordinator.line();
  }
  CHECK_THAT(line, Catch::StartsWith("coordinator listens on 127.0.0.1:"));
  coordinator.end(SIGKILL);
  CHECK_THAT(mistake(Words{"launch"} + run + Words{"1000000000"}, {.folder = other.path()}),
             Catch::StartsWith("1024 islands of this model need 24576 GB and more"));
}

TEST_CASE("launch and coordinator show the settings that they run with", "[process]") {
  for (const Words& words : {Words{"launch", "-n", "3"}, Words{"coordinator", "--islands", "3"}}) {
    const Ended shown = run_strait(words + Words{scenario("quadratic"), "--print-config"});
    CHECK(shown.code == 0);
    CHECK_THAT(shown.out, Catch::Contains("\nislands = 3\n") && Catch::Contains("\nkind = tcp\n"));
  }
}

TEST_CASE("mistakes of real runs give one line", "[process]") {
  const TemporaryFolder folder;
  const Listener listener;
  const Child child{.folder = folder.path()};
  const auto line = [&](const Words& words) { return mistake(words, child); };
  CHECK_THAT(line({"coordinator", scenario("quadratic"), "--listen", listener.place()}),
             Catch::Contains("--listen: cannot listen on " + listener.place() +
                             ": Address already in use; choose another port"));
  CHECK_THAT(line({"coordinator", scenario("quadratic"), "--listen", "0.0.0.0:0"}),
             Catch::Contains("--listen: 0.0.0.0:0 is reached from other machines") &&
                 Catch::Contains("add --insecure"));
  CHECK_THAT(line({"coordinator", scenario("quadratic"), "--listen", "7000"}),
             Catch::Contains("--listen: '7000' has no port; write HOST:PORT"));
  CHECK_THAT(line({"coordinator", scenario("quadratic"), "--run.strategy", "local"}),
             Catch::Contains("run.strategy = local"));
  CHECK(line({"launch", scenario("quadratic"), "--network.kind", "emulated"}) ==
        "network.kind: islands that are processes talk over sockets; leave it out, or write strait "
        "run (command line)");
  CHECK(line({"launch", "-n", "5", scenario("quadratic"), "--run.islands", "4"}) ==
        "run.islands is given twice (command line); keep one");
  CHECK(line({"coordinator", scenario("quadratic"), "--islands", "1"}) ==
        "run.islands = 1: an island alone has nobody to talk to; write 2 or more, or strait run");
  CHECK_THAT(line({"coordinator", scenario("quadratic"), "--sockets.congestion", "warp"}),
             Catch::Contains("sockets.congestion: this kernel has no 'warp'; it has "));
  CHECK_THAT(line({"join", listener.place(), "--print-config"}),
             Catch::Contains("islands get their settings from the coordinator"));
  CHECK_THAT(line({"join"}), Catch::Contains("no coordinator; write strait join HOST:PORT"));
  CHECK_THAT(line({"join", "no.such.host.invalid:7000"}),
             Catch::Contains("host 'no.such.host.invalid' is unknown"));
  CHECK_THAT(line({"join", listener.place(), "--listen", listener.place()}),
             Catch::Contains("--listen: cannot listen on " + listener.place()));
  CHECK_THAT(line({"run", scenario("quadratic"), "--insecure"}),
             Catch::Contains("are for real islands"));
  CHECK(files_in(folder.path()).empty());
}

}  // namespace
}  // namespace strait
