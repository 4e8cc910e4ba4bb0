#include "apps/launch/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <vector>

#include "apps/launch/node_list.h"
#include "core/base/errors.h"
#include "core/base/rng.h"
#include "core/base/text.h"

namespace strait {

namespace {

constexpr std::int64_t kMostProcesses = 65535;
constexpr std::uint16_t kCoordinatorPort = 29600;  // where machines belong to one job
/// Where several jobs may share a machine: apart from the ports that the kernel gives to outgoing
/// connections (32768 and up) and from torchrun's 29400 and 29500.
constexpr std::uint64_t kFirstJobPort = 20000, kJobPorts = 9000;

std::uint16_t job_port(std::uint64_t job) {
  return static_cast<std::uint16_t>(kFirstJobPort + job % kJobPorts);
}

bool has(const Environment& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found != variables.end() && !found->second.empty();
}

std::vector<std::string> lines(std::string_view text) { return split(trim(text), '\n'); }

/// The variables of one launcher; keeps account of what was read.
class VariableReader {
 public:
  /// `mark`: the variable by which we know that the launcher was there.
  VariableReader(const Environment& variables, std::string_view launcher, std::string_view mark)
      : variables_(variables), launcher_(launcher), mark_(mark) {}

  bool has(const std::string& name) const { return strait::has(variables_, name); }

  /// The first that is set, or else the last.
  std::string either(const std::string& first, const std::string& last) const {
    return has(first) ? first : last;
  }

  std::string text(const std::string& name) {
    if (!has(name)) throw UserError(fmt::format("{} is not set{}", name, way_out()));
    const std::string& value = variables_.at(name);
    if (std::find(read_.begin(), read_.end(), name) == read_.end()) read_.push_back(name);
    return value;
  }

  std::int64_t number(const std::string& name, std::int64_t least, std::int64_t most) {
    const std::string digits = text(name);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < least ||
        value > most) {
      throw UserError(fmt::format("{}: '{}' is not a number from {} to {}{}", name, digits, least,
                                  most, way_out()));
    }
    return value;
  }

  int size(const std::string& name) { return static_cast<int>(number(name, 1, kMostProcesses)); }

  IslandId rank(const std::string& name, const std::string& size_name) {
    const std::int64_t rank = number(name, 0, kMostProcesses - 1);
    const int processes = size(size_name);
    if (rank >= processes) {
      throw UserError(fmt::format("{}: '{}' is no rank among {} processes ({}){}", name, rank,
                                  processes, size_name, way_out()));
    }
    return static_cast<IslandId>(rank);
  }

  /// The tail of a complaint.
  std::string way_out() const {
    return fmt::format("; start this with {}, or unset {} to run without it", launcher_, mark_);
  }

  std::string source() const {
    std::vector<std::string> words;
    for (const std::string& name : read_) {
      // SkyPilot's list of addresses has one a line.
      words.push_back(fmt::format("{}={}", name, join(lines(variables_.at(name)), " ")));
    }
    return fmt::format("{} ({})", launcher_, join(words, ", "));
  }

 private:
  const Environment& variables_;
  std::string_view launcher_, mark_;
  std::vector<std::string> read_;
};

/// What a launcher says of a process, but for the coordinator.
struct Ranks {
  IslandId island = 0;
  int islands = 0;                  // 0: it does not say
  bool one_machine = false;         // all of them on this one
  bool beside_coordinator = false;  // on the machine of island 0, as far as it says
};

/// Also what PyTorchJob and shell scripts set, which lack the variables of groups. MASTER_PORT is
/// taken by torchrun's own store.
Ranks torchrun_ranks(VariableReader& reader) {
  Ranks ranks{.island = reader.rank("RANK", "WORLD_SIZE"), .islands = reader.size("WORLD_SIZE")};
  ranks.one_machine =
      reader.has("LOCAL_WORLD_SIZE") && reader.size("LOCAL_WORLD_SIZE") == ranks.islands;
  ranks.beside_coordinator = reader.has("GROUP_RANK")
                                 ? reader.number("GROUP_RANK", 0, kMostProcesses - 1) == 0
                                 : ranks.island == 0;
  return ranks;
}

HostPort torchrun_coordinator(VariableReader& reader, const Ranks&) {
  constexpr std::int64_t kLastPort = 65534;  // the next one is a port, too
  const auto port = static_cast<std::uint16_t>(reader.number("MASTER_PORT", 1, kLastPort) + 1);
  return {reader.text("MASTER_ADDR"), port};
}

Ranks mpi_ranks(VariableReader& reader, const char* rank, const char* size,
                const char* local_size) {
  Ranks ranks{.island = reader.rank(rank, size), .islands = reader.size(size)};
  ranks.one_machine = reader.size(local_size) == ranks.islands;
  ranks.beside_coordinator = ranks.island == 0;
  return ranks;
}

Ranks open_mpi_ranks(VariableReader& reader) {
  return mpi_ranks(reader, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                   "OMPI_COMM_WORLD_LOCAL_SIZE");
}

Ranks mpich_ranks(VariableReader& reader) {
  return mpi_ranks(reader, "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS");
}

/// No MPI tells a process where another one is, before they talk MPI.
HostPort mpi_coordinator(VariableReader& reader, const Ranks& ranks) {
  if (!ranks.one_machine) {
    throw UserError(fmt::format(
        "mpirun started {} processes on several machines and does not say on which one island 0 "
        "is; add --coordinator HOST:PORT with the first machine and a free port of it",
        ranks.islands));
  }
  // Open MPI names each job; MPICH does not.
  if (!reader.has("PMIX_NAMESPACE")) return {"127.0.0.1", kCoordinatorPort};
  return {"127.0.0.1", job_port(Rng(0, reader.text("PMIX_NAMESPACE")).next())};
}

/// A task that srun started. A batch script, and a shell that salloc opened on a node, have ranks
/// as well, but nobody beside them: steps without a number or with one of the very large ones.
bool is_slurm_task(const Environment& variables) {
  constexpr std::uint32_t kFirstSpecialStep = 0xfffffff0;
  if (!has(variables, "SLURM_PROCID") || !has(variables, "SLURM_STEP_ID")) return false;
  const std::string& step = variables.at("SLURM_STEP_ID");
  std::uint64_t number = 0;
  std::from_chars(step.data(), step.data() + step.size(), number);
  return number < kFirstSpecialStep;
}

/// A step may have fewer tasks and nodes than its job, so what is said of the step comes first.
Ranks slurm_ranks(VariableReader& reader) {
  const std::string size = reader.either("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS");
  const std::string nodes = reader.either("SLURM_STEP_NUM_NODES", "SLURM_NNODES");
  Ranks ranks{.island = reader.rank("SLURM_PROCID", size), .islands = reader.size(size)};
  ranks.one_machine = reader.size(nodes) == 1;
  ranks.beside_coordinator = reader.number("SLURM_NODEID", 0, kMostProcesses - 1) == 0;
  return ranks;
}

HostPort slurm_coordinator(VariableReader& reader, const Ranks& ranks) {
  constexpr std::int64_t kMostJobs = std::int64_t{1} << 40;
  constexpr std::uint64_t kSteps = 16;  // with ports of their own, if they run at the same time
  const auto job = static_cast<std::uint64_t>(reader.number("SLURM_JOB_ID", 0, kMostJobs));
  const auto step = static_cast<std::uint64_t>(reader.number("SLURM_STEP_ID", 0, kMostJobs));
  const std::uint16_t port = job_port(job * kSteps + step % kSteps);
  if (ranks.one_machine) return {"127.0.0.1", port};
  const std::string list = reader.either("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST");
  return {expand_node_list(reader.text(list), list).front(), port};
}

Ranks skypilot_ranks(VariableReader& reader) {
  Ranks ranks{.island = reader.rank("SKYPILOT_NODE_RANK", "SKYPILOT_NUM_NODES"),
              .islands = reader.size("SKYPILOT_NUM_NODES")};
  ranks.beside_coordinator = ranks.island == 0;
  return ranks;
}

HostPort skypilot_coordinator(VariableReader& reader, const Ranks& ranks) {
  const std::string list = reader.text("SKYPILOT_NODE_IPS");
  const std::vector<std::string> addresses = lines(list);
  if (static_cast<int>(addresses.size()) != ranks.islands) {
    throw UserError(fmt::format(
        "SKYPILOT_NODE_IPS: '{}' has not one address for each of {} nodes (SKYPILOT_NUM_NODES){}",
        join(addresses, " "), ranks.islands, reader.way_out()));
  }
  return {addresses.front(), kCoordinatorPort};
}

/// A Job says neither how many completions it has nor, by itself, what JobSet it is part of: the
/// manifest hands that down in JOBSET_NAME and REPLICATED_JOB_NAME.
Ranks jobset_ranks(VariableReader& reader) {
  Ranks ranks;
  ranks.island =
      static_cast<IslandId>(reader.number("JOB_COMPLETION_INDEX", 0, kMostProcesses - 1));
  ranks.beside_coordinator = ranks.island == 0;
  return ranks;
}

/// The name of the first pod of the first job, in the JobSet's headless service.
HostPort jobset_coordinator(VariableReader& reader, const Ranks&) {
  const std::string set = reader.text("JOBSET_NAME"), job = reader.text("REPLICATED_JOB_NAME");
  return {fmt::format("{}-{}-0-0.{}", set, job, set), kCoordinatorPort};
}

struct Launcher {
  std::string_view name, mark;
  bool (*started)(const Environment&);
  Ranks (*ranks)(VariableReader&);
  HostPort (*coordinator)(VariableReader&, const Ranks&);
};

/// The innermost first: mpirun starts its daemons with srun, torchrun is started by any of them,
/// and the variables of the outer launcher, then, are not those of this process. srun can set PMI_*
/// itself; MPI_LOCALNRANKS is only MPICH's.
constexpr Launcher kLaunchers[] = {
    {"torchrun", "RANK",
     [](const Environment& e) { return has(e, "RANK") && has(e, "WORLD_SIZE"); }, torchrun_ranks,
     torchrun_coordinator},
    {"mpirun", "OMPI_COMM_WORLD_RANK",
     [](const Environment& e) { return has(e, "OMPI_COMM_WORLD_RANK"); }, open_mpi_ranks,
     mpi_coordinator},
    {"MPICH's mpirun", "PMI_RANK",
     [](const Environment& e) { return has(e, "PMI_RANK") && has(e, "MPI_LOCALNRANKS"); },
     mpich_ranks, mpi_coordinator},
    {"srun", "SLURM_PROCID", is_slurm_task, slurm_ranks, slurm_coordinator},
    {"SkyPilot", "SKYPILOT_NODE_RANK",
     [](const Environment& e) { return has(e, "SKYPILOT_NODE_RANK"); }, skypilot_ranks,
     skypilot_coordinator},
    {"JobSet", "JOBSET_NAME",
     [](const Environment& e) { return has(e, "JOB_COMPLETION_INDEX") && has(e, "JOBSET_NAME"); },
     jobset_ranks, jobset_coordinator},
};

bool names_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

Environment environment_from(const char* const* entries) {
  Environment variables;
  for (; *entries != nullptr; ++entries) {
    const std::string_view entry = *entries;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

std::optional<LaunchPlace> find_launch_place(const Environment& variables,
                                             const std::optional<HostPort>& coordinator) {
  const auto launcher = std::find_if(std::begin(kLaunchers), std::end(kLaunchers),
                                     [&](const Launcher& l) { return l.started(variables); });
  if (launcher == std::end(kLaunchers)) return std::nullopt;
  VariableReader reader(variables, launcher->name, launcher->mark);
  const Ranks ranks = launcher->ranks(reader);
  if (ranks.islands == 1) return std::nullopt;
  LaunchPlace place{.island = ranks.island, .islands = ranks.islands};
  if (coordinator) {
    place.coordinator = *coordinator;
  } else {
    place.coordinator = launcher->coordinator(reader, ranks);
    if (ranks.one_machine) place.coordinator.host = "127.0.0.1";
  }
  place.one_machine = names_loopback(place.coordinator.host);
  if (ranks.beside_coordinator && !place.one_machine) {
    place.advertise_host = place.coordinator.host;
  }
  place.source = reader.source();
  return place;
}

std::string describe(const LaunchPlace& place) {
  const std::string of = place.islands > 0 ? fmt::format(" of {}", place.islands) : "";
  return fmt::format("island {}{} by {}; coordinator {} {}", place.island, of, place.source,
                     place.hosts_coordinator() ? "here, at" : "at", to_string(place.coordinator));
}

}  // namespace strait
