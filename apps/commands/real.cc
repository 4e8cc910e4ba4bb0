// The commands whose islands are processes: coordinator, join, launch, and run under a launcher.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/experiment/measured_step.h"
#include "apps/experiment/session.h"
#include "apps/launch/environment.h"
#include "apps/launch/real_options.h"
#include "apps/launch/supervisor.h"
#include "apps/output/build_info.h"
#include "apps/output/human.h"
#include "backends/tcp/site.h"
#include "core/base/errors.h"
#include "core/base/wall_clock.h"
#include "core/config/devices.h"
#include "core/io/real_loop.h"

namespace strait {

namespace {

constexpr Nanos kPatience{30'000'000'000};  // for a coordinator that is not there yet

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// The scenario's settings, with sockets as the network, whatever it names.
LoadedConfig load_real(std::vector<std::string> words) {
  for (const std::string& word : words) {
    if (word == "--network.kind" || word.starts_with("--network.kind=")) {
      throw UserError(
          "network.kind: islands that are processes talk over sockets; leave it out, or write "
          "strait run (command line)");
    }
  }
  words.insert(words.end(), {"--network.kind", "tcp"});
  return load_config("", words);
}

const std::vector<std::string> kLaunchOptions{"-n"};
const std::vector<std::string> kCoordinatorOptions{"--listen", "--insecure", "--announce-fd"};

/// What of launch's words is the coordinator's.
std::vector<std::string> scenario_words(const RealOptions& launch) {
  std::vector<std::string> words = launch.rest;
  if (launch.processes) {
    words.insert(words.end(), {"--run.islands", std::to_string(*launch.processes)});
  }
  return words;
}

/// What islands get: without what only this machine has.
std::string settings_for_islands(const LoadedConfig& loaded) {
  LoadedConfig sent = loaded;
  sent.given.network = {};
  sent.given.network.kind = "tcp";
  sent.given.run.out = RunSettings{}.out;
  sent.config = filled_in(sent.given);
  return resolved_ini(sent);
}

std::function<std::unique_ptr<Fabric>(Loop&, Trace&)> site_maker(
    SiteOptions options, std::function<void(const SocketAddress&)> listens) {
  return [options = std::move(options), listens = std::move(listens)](Loop& loop, Trace&) {
    auto site = std::make_unique<Site>(dynamic_cast<RealLoop&>(loop).uv(), options);
    listens(site->address());
    return site;
  };
}

void announce(const RealOptions& options, const SocketAddress& address) {
  say(fmt::format("coordinator listens on {}; islands: strait join {}{}", address.text(),
                  address.text(), options.insecure ? " --insecure" : ""));
  if (options.insecure) say("WARNING: --insecure: nothing is encrypted or authenticated");
  if (!options.announce) return;
  const std::string text = address.text() + "\n";
  std::ignore = ::write(*options.announce, text.data(), text.size());
  ::close(*options.announce);
}

/// Rises over restarts, also of this process: unless clocks are set back.
std::function<std::uint64_t()> rising_numbers() {
  return [last = std::uint64_t{0}]() mutable {
    return last = std::max(last + 1, static_cast<std::uint64_t>(unix_now().count() / 1000));
  };
}

}  // namespace

LoadedConfig load_for_launch(const std::vector<std::string>& words) {
  return load_real(scenario_words(take_real_options("launch", words, kLaunchOptions)));
}

LoadedConfig load_for_coordinator(const std::vector<std::string>& words) {
  return load_real(take_real_options("coordinator", words, kCoordinatorOptions).rest);
}

int command_coordinator(const std::vector<std::string>& words) {
  const RealOptions options = take_real_options("coordinator", words, kCoordinatorOptions);
  const LoadedConfig loaded = load_real(options.rest);
  const HostPort place = options.listen.value_or(HostPort{"127.0.0.1", 0});
  const SocketAddress listen = SocketAddress::resolve(place, "--listen");
  check_secure(listen, "--listen", options.insecure);
  check_can_listen(listen, "--listen");
  RealPeer peer{.self = PeerId::kCoordinator, .state = std::make_shared<RealState>()};
  const auto next = rising_numbers();
  peer.incarnation = next();
  peer.run_id = settings_hash(loaded.config) ^ peer.incarnation;
  const JoinDesk::Options desk{
      .run_id = peer.run_id,
      .islands = loaded.config.run.islands,
      .scenario = loaded.name(),
      .settings = settings_for_islands(loaded),
      .new_incarnation = next,
      .joins = [state = peer.state](IslandId island) { return state->joins(island); },
      .say = say};
  peer.network = site_maker({.self = peer.self,
                             .sockets = sockets_of(loaded.config),
                             .listen = listen,
                             .line = std::nullopt,
                             .desk = desk},
                            [&](const SocketAddress& address) { announce(options, address); });
  Session session(loaded, {own_arm(loaded.config)}, deps_folder(), peer);
  session.run();
  report_run(session.folder());
  return 0;
}

namespace {

/// Where we listen, if nobody said so: where the way to the coordinator begins.
SocketAddress listening_place(const RealOptions& options, const SocketAddress& coordinator) {
  if (options.listen) return SocketAddress::resolve(*options.listen, "--listen");
  return address_towards(coordinator);
}

int be_island(const LoadedConfig& loaded, const RealOptions& options, const HostPort& coordinator,
              const JoinReply& place, const SocketAddress& listen) {
  check_real(loaded.config);
  check_memory(loaded.config, 1);
  const auto tasks = make_task_source(loaded.config, deps_folder());
  const Experiment x{loaded.config, *tasks, fabric_of(loaded.config), /*real=*/true};
  RealPeer peer{.self = peer_of(place.island),
                .run_id = place.run_id,
                .incarnation = place.incarnation,
                .joins = place.joins,
                .say = say};
  const JoinLine::Options line{.coordinator = coordinator,
                               .place = place,
                               .advertise = options.advertise.value_or(HostPort{}),
                               .say = say,
                               .refused = [](const std::string& why) { throw UserError(why); }};
  peer.network = site_maker(
      {.self = peer.self,
       .sockets = sockets_of(loaded.config),
       .listen = listen,
       .line = line,
       .desk = std::nullopt},
      [&](const SocketAddress& address) {
        say(fmt::format("island {} of {}, {}; listens on {}; {}", place.island, place.islands,
                        place.scenario, address.text(), describe_sockets(x.fabric.sockets)));
      });
  const IslandEnd end = run_island(x, own_arm(loaded.config), peer);
  say(fmt::format("done after round {}: shared parameters {}, sent {} in {}", end.round,
                  hex(end.shared_hash), human_bytes(end.costs.bytes[0]),
                  human_time(end.costs.time)));
  return 0;
}

}  // namespace

int command_join(const std::vector<std::string>& words) {
  RealOptions options =
      take_real_options("join", words, {"--listen", "--advertise", "--insecure", "--island"});
  if (options.rest.empty() || options.rest.front().starts_with("-")) {
    throw UserError("no coordinator; write strait join HOST:PORT, as the coordinator shows it");
  }
  const HostPort coordinator = parse_host_port(options.rest.front(), "strait join");
  options.rest.erase(options.rest.begin());
  const SocketAddress address = SocketAddress::resolve(coordinator, "strait join");
  const SocketAddress listen = listening_place(options, address);
  check_secure(address, "strait join", options.insecure);
  check_secure(listen, "--listen", options.insecure);
  check_can_listen(listen, "--listen");
  const JoinReply place = ask_to_join(
      coordinator, {.island = options.island, .program = build_info().commit}, kPatience);
  const LoadedConfig loaded =
      load_config_text(place.settings, place.scenario,
                       fmt::format("coordinator {}", to_string(coordinator)), options.rest);
  return be_island(loaded, options, coordinator, place, listen);
}

int command_launch(const std::vector<std::string>& words) {
  const RealOptions options = take_real_options("launch", words, kLaunchOptions);
  const std::vector<std::string> scenario = scenario_words(options);
  const LoadedConfig loaded = load_real(scenario);
  const int islands = loaded.config.run.islands;
  check_memory(loaded.config, islands);
  std::vector<std::string> coordinator{"coordinator", "--listen", "127.0.0.1:0"};
  coordinator.insert(coordinator.end(), scenario.begin(), scenario.end());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  coordinator.insert(coordinator.end(), {"--announce-fd", std::to_string(ends[1])});
  Supervisor supervisor;
  supervisor.start("", coordinator, ends[1]);
  ::close(ends[1]);
  std::string place;
  for (char c; ::read(ends[0], &c, 1) == 1 && c != '\n';) place += c;
  ::close(ends[0]);
  if (!place.empty()) {
    for (int i = 0; i < islands; ++i) {
      supervisor.start(fmt::format("island {}", i), {"join", place, "--island", std::to_string(i)});
    }
  }
  return supervisor.run();
}

namespace {

/// What of the command line holds for an island, and for the coordinator.
std::vector<std::string> island_words(const LaunchPlace& place, const RealOptions& options) {
  std::vector<std::string> words{to_string(place.coordinator), "--island",
                                 std::to_string(place.island)};
  const auto add = [&](const std::string& option, const std::optional<HostPort>& value) {
    if (value) words.insert(words.end(), {option, to_string(*value)});
  };
  const HostPort everywhere{"0.0.0.0", 0};
  add("--listen", options.listen || place.one_machine ? options.listen : std::optional(everywhere));
  const std::optional<HostPort> known = place.advertise_host.empty()
                                            ? std::nullopt
                                            : std::optional(HostPort{place.advertise_host, 0});
  add("--advertise", options.advertise ? options.advertise : known);
  if (options.insecure) words.emplace_back("--insecure");
  return words;
}

std::vector<std::string> coordinator_words(const LaunchPlace& place, const RealOptions& options) {
  const HostPort listen{place.one_machine ? "127.0.0.1" : "0.0.0.0", place.coordinator.port};
  std::vector<std::string> words{"coordinator", "--listen", to_string(listen)};
  if (options.insecure) words.emplace_back("--insecure");
  words.insert(words.end(), options.rest.begin(), options.rest.end());
  if (place.islands > 0) {
    words.insert(words.end(), {"--run.islands", std::to_string(place.islands)});
  }
  return words;
}

}  // namespace

std::optional<int> run_under_launcher(const std::vector<std::string>& words) {
  const RealOptions options =
      take_real_options("run", words, {"--listen", "--advertise", "--coordinator", "--insecure"});
  const auto place = find_launch_place(environment_from(environ), options.coordinator);
  if (!place) {
    if (options.rest.size() == words.size()) return std::nullopt;
    throw UserError(
        "--listen, --advertise, --coordinator and --insecure are for real islands: under a "
        "launcher "
        "(docs/LAUNCH.md), or write strait join HOST:PORT");
  }
  say(describe(*place));
  load_real(options.rest);  // whose mistakes all see, not only the coordinator
  std::vector<std::string> island = island_words(*place, options);
  if (!place->hosts_coordinator()) return command_join(island);
  Supervisor supervisor;
  supervisor.start("", coordinator_words(*place, options));
  island.insert(island.begin(), "join");
  supervisor.start("island 0", island);
  return supervisor.run();
}

}  // namespace strait
