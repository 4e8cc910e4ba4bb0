#include "apps/launch/environment.h"

#include <string>

#include "core/base/errors.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

// What torchrun 1.13, Open MPI 4.1, MPICH 4.0 and Slurm 22.05 set, as they set it (rank 1 of 4 or
// of 2); SkyPilot and JobSet as their documentation has it.

Environment torchrun_variables() {
  return {{"RANK", "1"},
          {"WORLD_SIZE", "4"},
          {"LOCAL_RANK", "1"},
          {"LOCAL_WORLD_SIZE", "2"},
          {"GROUP_RANK", "0"},
          {"GROUP_WORLD_SIZE", "2"},
          {"MASTER_ADDR", "10.0.0.5"},
          {"MASTER_PORT", "29500"},
          {"TORCHELASTIC_RESTART_COUNT", "0"}};
}

Environment open_mpi_variables() {
  return {{"OMPI_COMM_WORLD_RANK", "1"},       {"OMPI_COMM_WORLD_SIZE", "2"},
          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
          {"PMIX_NAMESPACE", "402194433"},     {"PMIX_RANK", "1"}};
}

Environment mpich_variables() {
  return {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}, {"MPI_LOCALRANKID", "1"}};
}

/// A step of two tasks on the last two of three nodes.
Environment slurm_variables() {
  return {{"SLURM_PROCID", "1"},         {"SLURM_NODEID", "1"},
          {"SLURM_NTASKS", "2"},         {"SLURM_NNODES", "2"},
          {"SLURM_JOB_ID", "4711"},      {"SLURM_JOB_NODELIST", "node[08-10]"},
          {"SLURM_STEP_ID", "0"},        {"SLURM_STEP_NODELIST", "node[09-10]"},
          {"SLURM_STEP_NUM_NODES", "2"}, {"SLURM_STEP_NUM_TASKS", "2"}};
}

Environment skypilot_variables() {
  return {{"SKYPILOT_NODE_RANK", "1"},
          {"SKYPILOT_NUM_NODES", "2"},
          {"SKYPILOT_NODE_IPS", "10.0.0.5\n10.0.0.6\n"},
          {"SKYPILOT_NUM_GPUS_PER_NODE", "8"}};
}

Environment jobset_variables() {
  return {
      {"JOB_COMPLETION_INDEX", "3"}, {"JOBSET_NAME", "strait"}, {"REPLICATED_JOB_NAME", "islands"}};
}

Environment operator+(Environment a, const Environment& b) {
  for (const auto& [name, value] : b) a[name] = value;  // b's are the newer ones
  return a;
}

Environment without(Environment variables, const std::string& name) {
  variables.erase(name);
  return variables;
}

LaunchPlace place_of(const Environment& variables) {
  const auto place = find_launch_place(variables);
  REQUIRE(place);
  return *place;
}

std::string coordinator_of(const Environment& variables) {
  return to_string(place_of(variables).coordinator);
}

/// What the user is told; "accepted" if nothing is wrong.
std::string complaint(const Environment& variables) {
  try {
    (void)find_launch_place(variables);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("a process that no launcher started has no place", "[environment]") {
  CHECK(!find_launch_place({}));
  CHECK(!find_launch_place({{"PATH", "/bin"}, {"RANK", "3"}}));
  CHECK(!find_launch_place({{"WORLD_SIZE", "3"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "1"}}));
  CHECK(!find_launch_place(without(jobset_variables(), "JOBSET_NAME")));
}

TEST_CASE("torchrun leaves the port above its own to the coordinator", "[environment]") {
  const LaunchPlace place = place_of(torchrun_variables());
  CHECK(place.island == 1);
  CHECK(place.islands == 4);
  CHECK(to_string(place.coordinator) == "10.0.0.5:29501");
  CHECK(!place.one_machine);
  CHECK(!place.hosts_coordinator());
  CHECK(place.source ==
        "torchrun (RANK=1, WORLD_SIZE=4, LOCAL_WORLD_SIZE=2, GROUP_RANK=0, MASTER_PORT=29500, "
        "MASTER_ADDR=10.0.0.5)");
  CHECK(describe(place) == "island 1 of 4 by " + place.source + "; coordinator at 10.0.0.5:29501");
  CHECK(place_of(torchrun_variables() + Environment{{"RANK", "0"}}).hosts_coordinator());
}

TEST_CASE("what torchrun starts on one machine stays on loopback", "[environment]") {
  const LaunchPlace place = place_of(torchrun_variables() + Environment{{"LOCAL_WORLD_SIZE", "4"}});
  CHECK(place.one_machine);
  CHECK(to_string(place.coordinator) == "127.0.0.1:29501");
  CHECK(place.advertise_host.empty());
  // torchrun's own word for two agents on one machine
  CHECK(place_of(torchrun_variables() + Environment{{"MASTER_ADDR", "localhost"}}).one_machine);
}

TEST_CASE("who is beside the coordinator is told to others by its name", "[environment]") {
  CHECK(place_of(torchrun_variables()).advertise_host == "10.0.0.5");
  CHECK(place_of(torchrun_variables() + Environment{{"GROUP_RANK", "1"}}).advertise_host.empty());
  CHECK(place_of(slurm_variables()).advertise_host.empty());
  CHECK(place_of(slurm_variables() + Environment{{"SLURM_NODEID", "0"}}).advertise_host ==
        "node09");
}

TEST_CASE("variables that a PyTorchJob or a script sets do without groups", "[environment]") {
  const Environment variables{{"RANK", "0"},
                              {"WORLD_SIZE", "3"},
                              {"MASTER_ADDR", "job-master-0"},
                              {"MASTER_PORT", "23456"}};
  const LaunchPlace place = place_of(variables);
  CHECK(place.islands == 3);
  CHECK(to_string(place.coordinator) == "job-master-0:23457");
  CHECK(place.advertise_host == "job-master-0");
}

TEST_CASE("mpirun on one machine needs no address", "[environment]") {
  const LaunchPlace open_mpi = place_of(open_mpi_variables());
  CHECK(open_mpi.island == 1);
  CHECK(open_mpi.islands == 2);
  CHECK(open_mpi.one_machine);
  CHECK(open_mpi.coordinator.host == "127.0.0.1");
  CHECK(open_mpi.coordinator.port >= 20000);
  CHECK(open_mpi.coordinator.port < 29000);
  // Two at the same time do not take each other's port.
  CHECK(coordinator_of(open_mpi_variables() + Environment{{"PMIX_NAMESPACE", "402194434"}}) !=
        to_string(open_mpi.coordinator));

  const LaunchPlace mpich = place_of(mpich_variables());
  CHECK(mpich.island == 1);
  CHECK(to_string(mpich.coordinator) == "127.0.0.1:29600");
}

TEST_CASE("mpirun on several machines needs the coordinator's address", "[environment]") {
  const Environment spread = open_mpi_variables() + Environment{{"OMPI_COMM_WORLD_SIZE", "8"}};
  CHECK(complaint(spread) ==
        "mpirun started 8 processes on several machines and does not say on which one island 0 "
        "is; add --coordinator HOST:PORT with the first machine and a free port of it");
  CHECK(complaint(mpich_variables() + Environment{{"PMI_SIZE", "4"}}).find("--coordinator") !=
        std::string::npos);
  const auto place = find_launch_place(spread, HostPort{"10.0.0.5", 7000});
  REQUIRE(place);
  CHECK(place->islands == 8);
  CHECK(to_string(place->coordinator) == "10.0.0.5:7000");
  CHECK(!place->one_machine);
}

TEST_CASE("srun names the first node of the step", "[environment]") {
  const LaunchPlace place = place_of(slurm_variables());
  CHECK(place.island == 1);
  CHECK(place.islands == 2);
  CHECK(to_string(place.coordinator) == "node09:23376");  // 20000 + 16 * 4711 % 9000
  CHECK(coordinator_of(slurm_variables() + Environment{{"SLURM_JOB_ID", "4712"}}) ==
        "node09:23392");
  CHECK(coordinator_of(slurm_variables() + Environment{{"SLURM_STEP_ID", "1"}}) == "node09:23377");
}

TEST_CASE("a step on one node of many stays on loopback", "[environment]") {
  const LaunchPlace place =
      place_of(slurm_variables() +
               Environment{{"SLURM_STEP_NODELIST", "node09"}, {"SLURM_STEP_NUM_NODES", "1"}});
  CHECK(place.one_machine);
  CHECK(to_string(place.coordinator) == "127.0.0.1:23376");
}

TEST_CASE("an older srun says it for the job only", "[environment]") {
  Environment variables = slurm_variables();
  for (const auto* name : {"SLURM_STEP_NODELIST", "SLURM_STEP_NUM_NODES", "SLURM_STEP_NUM_TASKS"}) {
    variables.erase(name);
  }
  variables["SLURM_NNODES"] = "3";
  CHECK(coordinator_of(variables) == "node08:23376");
}

TEST_CASE("a batch script and an interactive step are no tasks of srun", "[environment]") {
  const Environment job = slurm_variables() + Environment{{"SLURM_PROCID", "0"}};
  CHECK(!find_launch_place(without(job, "SLURM_STEP_ID")));
  CHECK(!find_launch_place(job + Environment{{"SLURM_STEP_ID", "4294967290"}}));
  CHECK(find_launch_place(job));
}

TEST_CASE("SkyPilot's first address is the coordinator's", "[environment]") {
  const LaunchPlace place = place_of(skypilot_variables());
  CHECK(place.island == 1);
  CHECK(place.islands == 2);
  CHECK(to_string(place.coordinator) == "10.0.0.5:29600");
  CHECK(place.source.find("SKYPILOT_NODE_IPS=10.0.0.5 10.0.0.6)") != std::string::npos);
}

TEST_CASE("a JobSet's coordinator is its first pod", "[environment]") {
  const LaunchPlace place = place_of(jobset_variables());
  CHECK(place.island == 3);
  CHECK(place.islands == 0);  // the scenario has to say it
  CHECK(to_string(place.coordinator) == "strait-islands-0-0.strait:29600");
  CHECK(describe(place).starts_with("island 3 by JobSet (JOB_COMPLETION_INDEX=3, "));
  CHECK(place_of(jobset_variables() + Environment{{"JOB_COMPLETION_INDEX", "0"}}).advertise_host ==
        "strait-islands-0-0.strait");
}

TEST_CASE("a job of one process is an ordinary run", "[environment]") {
  CHECK(!find_launch_place(torchrun_variables() + Environment{{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
  CHECK(!find_launch_place(slurm_variables() +
                           Environment{{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}));
  // Also where an outer launcher started several of them.
  CHECK(!find_launch_place(slurm_variables() + torchrun_variables() +
                           Environment{{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
}

TEST_CASE("the innermost launcher wins", "[environment]") {
  // From the outside to the inside; each one's variables are still there under the next.
  Environment variables = jobset_variables();
  const auto launcher = [&] {
    const std::string source = place_of(variables).source;
    return source.substr(0, source.find(" ("));
  };
  CHECK(launcher() == "JobSet");
  variables = variables + skypilot_variables();
  CHECK(launcher() == "SkyPilot");
  variables = variables + slurm_variables();
  CHECK(launcher() == "srun");
  // srun --mpi=pmi2
  variables = variables + Environment{{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"PMI_JOBID", "2.0"}};
  CHECK(launcher() == "srun");
  variables = variables + mpich_variables();
  CHECK(launcher() == "MPICH's mpirun");
  // Open MPI's daemons are tasks of srun: these are variables of a real one.
  variables = variables + open_mpi_variables() +
              Environment{{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}};
  CHECK(launcher() == "mpirun");
  variables = variables + torchrun_variables();
  CHECK(launcher() == "torchrun");
}

TEST_CASE("an address on the command line wins over every launcher", "[environment]") {
  for (const Environment& variables :
       {torchrun_variables(), open_mpi_variables(), mpich_variables(), slurm_variables(),
        skypilot_variables(), jobset_variables()}) {
    const auto place = find_launch_place(variables, HostPort{"head", 7000});
    REQUIRE(place);
    CHECK(to_string(place->coordinator) == "head:7000");
    CHECK(!place->one_machine);
  }
  const auto local = find_launch_place(torchrun_variables(), HostPort{"127.0.0.1", 7000});
  REQUIRE(local);
  CHECK(local->one_machine);
}

TEST_CASE("mistakes in variables are told by name and value", "[environment]") {
  const std::string torchrun_fix = "; start this with torchrun, or unset RANK to run without it";
  CHECK(complaint(torchrun_variables() + Environment{{"RANK", "4"}}) ==
        "RANK: '4' is no rank among 4 processes (WORLD_SIZE)" + torchrun_fix);
  CHECK(complaint(torchrun_variables() + Environment{{"RANK", "one"}}) ==
        "RANK: 'one' is not a number from 0 to 65534" + torchrun_fix);
  CHECK(complaint(torchrun_variables() + Environment{{"RANK", "-1"}}) ==
        "RANK: '-1' is not a number from 0 to 65534" + torchrun_fix);
  CHECK(complaint(torchrun_variables() + Environment{{"WORLD_SIZE", "4 "}}) ==
        "WORLD_SIZE: '4 ' is not a number from 1 to 65535" + torchrun_fix);
  CHECK(complaint(torchrun_variables() + Environment{{"MASTER_PORT", "65535"}}) ==
        "MASTER_PORT: '65535' is not a number from 1 to 65534" + torchrun_fix);
  CHECK(complaint(without(torchrun_variables(), "MASTER_ADDR")) ==
        "MASTER_ADDR is not set" + torchrun_fix);
  CHECK(complaint(torchrun_variables() + Environment{{"MASTER_ADDR", ""}}) ==
        "MASTER_ADDR is not set" + torchrun_fix);

  const std::string srun_fix = "; start this with srun, or unset SLURM_PROCID to run without it";
  CHECK(complaint(slurm_variables() + Environment{{"SLURM_PROCID", "2"}}) ==
        "SLURM_PROCID: '2' is no rank among 2 processes (SLURM_STEP_NUM_TASKS)" + srun_fix);
  CHECK(complaint(slurm_variables() + Environment{{"SLURM_JOB_ID", "x"}})
            .starts_with("SLURM_JOB_ID: 'x' is not a number from 0 to "));
  CHECK(complaint(slurm_variables() + Environment{{"SLURM_STEP_NODELIST", "node[09-"}}) ==
        "SLURM_STEP_NODELIST: 'node[09-' has a '[' without ']'; write names as Slurm does, e.g. "
        "node[10,20-25]");
  CHECK(complaint(without(without(slurm_variables(), "SLURM_STEP_NODELIST"),
                          "SLURM_JOB_NODELIST")) == "SLURM_JOB_NODELIST is not set" + srun_fix);
  CHECK(complaint(open_mpi_variables() + Environment{{"OMPI_COMM_WORLD_LOCAL_SIZE", ""}})
            .starts_with("OMPI_COMM_WORLD_LOCAL_SIZE is not set; start this with mpirun"));
  CHECK(complaint(skypilot_variables() + Environment{{"SKYPILOT_NODE_IPS", "10.0.0.5"}}) ==
        "SKYPILOT_NODE_IPS: '10.0.0.5' has not one address for each of 2 nodes "
        "(SKYPILOT_NUM_NODES); start this with SkyPilot, or unset SKYPILOT_NODE_RANK to run "
        "without it");
  CHECK(complaint(jobset_variables() + Environment{{"JOB_COMPLETION_INDEX", "65535"}})
            .starts_with("JOB_COMPLETION_INDEX: '65535' is not a number from 0 to 65534"));
  CHECK(complaint(without(jobset_variables(), "REPLICATED_JOB_NAME"))
            .starts_with("REPLICATED_JOB_NAME is not set; start this with JobSet"));
}

TEST_CASE("an environment is read from a process's own form", "[environment]") {
  const char* const entries[] = {"A=1", "B=x=y", "C=", "noise", nullptr};
  CHECK(environment_from(entries) == Environment{{"A", "1"}, {"B", "x=y"}, {"C", ""}});
}

}  // namespace
}  // namespace strait
