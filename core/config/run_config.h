// RunConfig: every setting of a run, in one struct.
//
// A member's path is its name everywhere: `config.run.rounds` is `rounds` under `[run]` in a
// scenario and `--run.rounds` on the command line. The table in core/config/keys.cc ties the two
// together; core/config/load.h fills the struct from a scenario and a command line.
//
// Three kinds of settings, marked below: those that change results (the trained parameters), those
// that change only speed (virtual or wall time) and those that change only what is written. The
// first kind goes into settings_hash(). Durations, bytes and rates are in the units of
// core/base/units.h.
//
// Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/units.h"

namespace strait {

/// [run]
struct RunSettings {
  // Changes results.

  /// diloco: H inner steps, then one outer step. data_parallel: gradients averaged at every step.
  /// local: islands never talk.
  std::string strategy = "diloco";

  /// Four is the smallest number at which a wide-area mesh differs from a pair.
  std::int32_t islands = 4;

  /// Outer steps. Fewer than about 40 measure how momentum starts up, not how H matters.
  std::int64_t rounds = 60;

  /// H: inner steps between two outer steps. Payload shrinks by exactly this factor.
  std::int64_t inner_steps = 20;

  /// Everything random (initial values, batches, jitter) follows from this number.
  std::uint64_t seed = 1;

  /// Where the tasks compute.
  std::string device = "cpu";

  /// Threads inside one operation. More of them add in another order and give other bits.
  std::int32_t threads_per_island = 1;

  // Changes speed.

  /// Islands compute at the same time on real cores; otherwise one after the other. Same bits.
  bool parallel = true;

  /// virtual: as fast as the machine can, with the times of the model. real: the same by the wall
  /// clock, to show it and to check the other one.
  std::string time = "virtual";

  // Changes output.

  /// In real time, what is later than this makes the run's times invalid. Half of the delay of a
  /// path in the demo; a loop with raised priority stays far below it, also beside busy threads.
  Nanos max_lateness = std::chrono::milliseconds{20};

  /// Such a run ends there.
  bool strict = false;

  /// Run folders are made in here.
  std::string out = "runs";

  /// A folder for everything a second implementation needs to repeat each step; empty = do not
  /// record. Meant for small runs.
  std::string record;

  bool operator==(const RunSettings&) const = default;
};

/// [task]. Changes results.
struct TaskSettings {
  /// language: a GPT on text. quadratic: a convex problem with a known optimum, without LibTorch.
  std::string name = "language";

  bool operator==(const TaskSettings&) const = default;
};

/// [model]. Changes results. A GPT-2; `size` chooses the numbers that are left at 0.
struct ModelSettings {
  /// A row of core/train/gpt_sizes.h; `strait plan --models` lists them. The smallest one lets the
  /// demo finish in minutes on two cores.
  std::string size = "xxs";

  std::int64_t layers = 0;     // blocks; 0 = from size
  std::int64_t width = 0;      // of the residual stream; 0 = from size
  std::int64_t heads = 0;      // of attention; 0 = from size
  std::int64_t head_size = 0;  // 0 = from size, or width / heads where these are given
  std::int64_t context = 0;    // tokens of a sequence; 0 = from size

  /// Standard deviation of the initial weights. 0 = 0.68 / sqrt(width): GPT-2's 0.02 was made for
  /// width 768 and learns much slower at 128.
  double init_std = 0;

  /// Symbols; 0 = as many as the data has: 256 (bytes), or those of prepared or token files.
  std::int64_t vocabulary = 0;

  /// A safetensors file with the names of Hugging Face's GPT-2: training starts from its
  /// parameters. Empty = from the seed's initial values.
  std::string start;

  bool operator==(const ModelSettings&) const = default;
};

/// [quadratic]. Changes results.
struct QuadraticSettings {
  /// Parameters. A step of this many takes microseconds.
  std::int64_t size = 4096;

  /// Largest over smallest curvature: slow directions exist, but a few hundred steps show progress.
  double conditioning = 100;

  /// How far apart the islands' optima lie, per parameter; 0 = all have the same data.
  double spread = 0.5;

  /// Standard deviation of the gradient noise of one batch, per parameter.
  double noise = 0.1;

  bool operator==(const QuadraticSettings&) const = default;
};

/// [data]. Changes results.
struct DataSettings {
  /// `manpages` (the manual pages that the set-up fetched), a folder with one folder of text files
  /// per source, a pattern of files, lines of JSON, token files, or a folder that `strait data
  /// prepare` wrote.
  std::string text = "manpages";

  /// Of the manual pages: the sources, in order.
  std::vector<std::string> languages = {"en", "de", "fr", "es"};

  /// mixed: every island reads from all sources. by_source: island i reads source i mod (number of
  /// sources) only, the hard case. by_size: as mixed, in shares as `sizes` says.
  std::string split = "mixed";

  /// With by_source: this fraction of an island's windows comes from all sources; 1 = all do.
  double mixing = 0;

  /// With by_size: a number per island, e.g. 4,2,1,1; who has less text reads it more often.
  std::vector<std::int64_t> sizes;

  /// Sequences per island and inner step.
  std::int64_t sequences = 2;

  /// Windows of held-out text per source on which every evaluation is made; they are never trained
  /// on.
  std::int64_t held_out_windows = 64;

  bool operator==(const DataSettings&) const = default;
};

/// [inner]. Changes results. The optimizer of an island's own steps.
struct InnerSettings {
  std::string optimizer = "adamw";  // adamw | sgd
  double lr = 2e-3;                 // peak of the schedule over the whole run
  double beta1 = 0.9;
  double beta2 = 0.95;  // the usual choice for language; 0.999 remembers longer than a short run
  double epsilon = 1e-8;
  double weight_decay = 0.1;  // decoupled, on matrices and embeddings
  double clip_norm = 1;       // of the whole gradient; 0 = no clipping

  /// After the warm-up: cosine falls to final_lr; constant stays at the peak; wsd stays there and
  /// falls in a line over the last steps, so that a run can be prolonged from before its decay.
  std::string schedule = "cosine";
  double warmup = 0.1;    // fraction of all inner steps
  double decay = 0.2;     // of wsd: fraction of all inner steps in which the rate falls
  double final_lr = 0.1;  // cosine and wsd end at this fraction of the peak

  /// Batches of an inner step, one after the other: their mean is as that of one batch as large as
  /// all of them, in the memory of one.
  std::int64_t accumulate = 1;

  /// The optimizer's state (AdamW's m, v and step) when an island starts from the shared parameters
  /// again. keep: it lives on, as in DiLoCo. reset: as if no step had been made.
  std::string at_outer_step = "keep";

  bool operator==(const InnerSettings&) const = default;
};

/// [outer]. Changes results. The optimizer of the outer steps.
struct OuterSettings {
  std::string optimizer = "nesterov";  // nesterov | momentum | sgd | adam
  double lr = 0.7;                     // DiLoCo's
  double momentum = 0.8;               // DiLoCo's 0.9 needs more rounds than a short run has
  double beta1 = 0.9;                  // of adam, as the next two
  double beta2 = 0.95;                 // 0.999 would remember more rounds than a run has

  /// Outer gradients are small, so Adam's usual 1e-8 would turn them into steps of the size lr;
  /// DiLoCo found Adam stable from 0.1 on.
  double epsilon = 0.1;

  /// Over the rounds: constant, or cosine and linear, which fall from lr in round 1 to what would
  /// be 0 after the last one.
  std::string schedule = "constant";

  bool operator==(const OuterSettings&) const = default;
};

/// [pretrain]. Changes results. Steps of one model before the islands part; all start from it.
struct PretrainSettings {
  /// Averaging models needs a common basin; a toy model finds one within some hundred steps.
  std::int64_t steps = 400;

  /// Peak of the schedule during pretraining; 0 = inner.lr.
  double lr = 0;

  bool operator==(const PretrainSettings&) const = default;
};

/// [collective]. How the mean is formed.
struct CollectiveSettings {
  // Changes results.

  /// two_phase: each island adds one shard and sends the mean back. gather: everybody gets
  /// everything, for two or three islands. ring: sums go from island to island. star: the first
  /// island adds everything.
  std::string algorithm = "two_phase";

  /// What contributions travel as: fp32 (exact), bf16 (half of the bytes), int8 (a quarter).
  std::string codec = "fp32";

  /// What the mean travels back as: a second lossy step, so it has its own key. Empty = codec.
  std::string result;

  // Changes speed.

  /// Bytes that are encoded, sent and added as one: smaller overlaps better, larger costs fewer
  /// frames.
  Bytes piece = 256 * 1024;

  /// Messages up to this size are sent without asking; larger ones wait until the receiver is
  /// ready, so that no receiver has to store what it did not expect.
  Bytes eager_limit = 1024 * 1024;

  /// TCP connections per pair of islands; several share a long fat path better. 0: as many as it
  /// takes, found from what they carry.
  std::int32_t connections = 1;

  bool operator==(const CollectiveSettings&) const = default;
};

/// [network]. Changes speed: in a synchronous run without outages it moves the clock and nothing
/// else.
struct NetworkSettings {
  /// emulated: links from a file, TCP on a virtual clock. pipe: the same messages in no time. tcp:
  /// real sockets, by the wall clock: between the processes of a job, or, with `strait run` alone,
  /// all in one.
  std::string kind = "emulated";

  // CSV files, relative to the scenario's folder; all but the first may be empty: none.

  std::string links;        // an access link per island, or a link per pair
  std::string islands;      // names, regions, and islands that are slower or come later
  std::string regions;      // what lies between regions, on top of access links
  std::string bottlenecks;  // links that many paths share
  std::string events;       // outages and changes, islands that pause, die, leave and come back

  /// cubic (Linux's default), reno and bbr as the kernel has them; ideal: connections share links
  /// fairly and at once, whatever the delay, as the papers reckon.
  std::string tcp = "cubic";

  /// Room of a link's drop-tail queue, in products of its rate and its longest round trip; never
  /// less than 64 packets.
  double queue = 1;

  Bytes header_bytes = 66;  // Ethernet 14, IPv4 20, TCP with time stamps 32, per packet
  Bytes mss = 1448;         // payload of a full packet at MTU 1500

  /// Cap of the congestion window: what a receiver's socket buffer lets through per round trip.
  Bytes window = 4 * 1024 * 1024;

  /// The receive window opens up from 64 KiB on, as Linux tunes it where nobody sets buffers; else
  /// it is `window` from the beginning.
  bool tuned_window = false;

  /// What a connection holds of what has not left yet: it still goes out when a round is aborted.
  Bytes send_buffer = 512 * 1024;

  bool idle_restart =
      true;  // the window shrinks after a pause (Linux's default), so rounds start slowly

  bool operator==(const NetworkSettings&) const = default;
};

/// [sockets]. Changes speed, with network.kind = tcp. Of this machine's connections.
struct SocketSettings {
  /// TCP's congestion control, by the kernel's name; empty = the kernel's default. Loss on the way
  /// slows cubic down by orders of magnitude, bbr hardly; on one machine cubic is several times as
  /// fast.
  std::string congestion;

  /// Of the kernel's buffers; 0 = it sizes them itself. One connection carries no more per round
  /// trip.
  Bytes send_buffer = 0;
  Bytes receive_buffer = 0;

  /// What a data connection takes beyond what is under way: the rest can still go over another
  /// one, or be dropped when a round is aborted.
  Bytes unsent = 256 * 1024;

  bool operator==(const SocketSettings&) const = default;
};

/// [rounds]. Who takes part in an outer step, and what becomes of who does not. While all islands
/// live and answer, only `weights` matters. Of data parallelism whose islands come and go: the
/// waits for what is silent, but no quorum, policy or weights.
struct RoundSettings {
  // Changes results.

  /// A round begins when this many islands are ready and the grace is over; 0 = all that live.
  std::int32_t quorum = 0;

  /// How long a round waits for the others once there is a quorum.
  Nanos grace = std::chrono::seconds{10};

  /// What an island does that missed a round: continue = goes on from its own parameters, only
  /// their reference moves; receive = takes the mean without contributing; rejoin = starts from the
  /// shared parameters.
  std::string missed = "continue";

  /// What contributions count by: uniform | examples | tokens.
  std::string weights = "uniform";

  /// An island that has no roster this long after it was ready has missed the round and goes on
  /// computing.
  Nanos miss_after = std::chrono::seconds{10};

  /// An island that is silent for this long is expelled; it may come back.
  Nanos peer_timeout = std::chrono::seconds{30};

  // Changes speed.

  /// Committed rounds whose means are kept, for islands that missed them; who missed more takes
  /// all parameters.
  std::int32_t keep = 4;

  // Changes output.

  /// An island that is silent for this long is shown as suspect.
  Nanos suspect_after = std::chrono::seconds{3};

  bool operator==(const RoundSettings&) const = default;
};

/// [data_parallel]. Changes results.
struct DataParallelSettings {
  /// What a step does about islands that were killed, have left or are silent. wait: it is made
  /// when all islands are there, so the parameters are those of a run in which none was ever
  /// missing. shrink: it is made by those who are there; a coordinator says in every step who that
  /// is.
  std::string missing = "wait";

  bool operator==(const DataParallelSettings&) const = default;
};

/// [compute]. Changes speed. What the virtual clock charges.
struct ComputeSettings {
  /// One inner step of one island.
  Nanos step = std::chrono::milliseconds{150};

  /// A row of core/config/devices.h: a step takes its FLOPs / (peak x mfu) instead of `step`; this
  /// = as long as it takes on this machine, measured before the run; empty = `step`.
  std::string device;

  /// The share of the device's peak that training reaches: model FLOPs utilization.
  double mfu = 0.4;

  /// Of one inner step of one island; 0 = the task's own. Another number lets a small model compute
  /// as long as a large one.
  double flops_per_step = 0;

  /// Each step takes up to this fraction longer or shorter, drawn by seed, island and step.
  double jitter = 0;

  /// With network.kind = tcp. free: steps take what they take on this machine. model: the times
  /// above are slept out, to compare a real network with an emulated one.
  std::string pace = "free";

  /// Encoding, adding and the outer step cost their bytes over this rate; inf = free.
  BytesPerSecond memory_rate{4'000'000'000};

  bool operator==(const ComputeSettings&) const = default;
};

/// [eval]. Changes output.
struct EvalSettings {
  /// Rounds between two evaluations on held-out text; 0 = only at the end.
  std::int64_t every = 5;

  /// Norms of the islands' outer gradients and the cosines between them, in outer_gradients.csv.
  /// Costs memory for one outer gradient per island, and no virtual time.
  bool outer_gradients = false;

  bool operator==(const EvalSettings&) const = default;
};

/// [checkpoint]. Changes output. States of a run to go on from, in the run's folder.
struct CheckpointSettings {
  /// Rounds between two of them; 0 = none. Each takes the disk 3 to 4 buffers of the model's size
  /// per island, and the run waits until they are durable. Where islands are processes: what they
  /// share, sent to the coordinator by one of them, and nobody waits.
  std::int64_t every = 0;

  /// How many of the newest stay; the best one by held-out loss stays, too.
  std::int32_t keep = 2;

  /// The shared parameters at the end, checkpoints/final. Where islands are processes one of them
  /// sends them to the coordinator.
  bool final = true;

  bool operator==(const CheckpointSettings&) const = default;
};

struct RunConfig {
  RunSettings run;
  TaskSettings task;
  ModelSettings model;
  QuadraticSettings quadratic;
  DataSettings data;
  InnerSettings inner;
  OuterSettings outer;
  PretrainSettings pretrain;
  CollectiveSettings collective;
  RoundSettings rounds;
  DataParallelSettings data_parallel;
  NetworkSettings network;
  SocketSettings sockets;
  ComputeSettings compute;
  EvalSettings eval;
  CheckpointSettings checkpoint;

  bool operator==(const RunConfig&) const = default;
};

/// The same settings with every "0 or empty = from elsewhere" replaced by the value it stands for:
/// model.* from model.size, collective.result, pretrain.lr. An unknown size leaves zeros. Doing it
/// twice changes nothing.
RunConfig filled_in(RunConfig config);

/// Inner steps of one island from the first pretraining step to the last round: the schedule's
/// length.
std::int64_t total_inner_steps(const RunConfig& config);

/// Of these, the ones in which the learning rate rises.
std::int64_t warmup_steps(const RunConfig& config);

/// Tokens that all islands together consume in one inner step; 0 for the quadratic task.
std::int64_t tokens_per_step(const RunConfig& config);

/// Throws UserError for settings that cannot be: key, value and the fix in one line.
void validate(const RunConfig& config);

/// Two runs with equal hashes train the same parameters to the bit (on one type of CPU). Settings
/// that stand for each other (model.size = xs, or its numbers spelled out) hash alike.
std::uint64_t settings_hash(const RunConfig& config);

/// What islands tell each other in the hello: one "key=value" line per setting that has to agree.
struct HelloSettings {
  std::string model;
  std::string strategy;
  std::string codec;
  std::string data;

  bool operator==(const HelloSettings&) const = default;
};
HelloSettings hello_settings(const RunConfig& config);

/// "run.inner_steps is 20 here and 50 there", or empty if both agree. For one group's lines.
std::string first_difference(const std::string& here, const std::string& there);

}  // namespace strait
