#include "core/config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <type_traits>

#include "core/base/text.h"
#include "core/config/devices.h"
#include "core/train/gpt_sizes.h"

namespace strait {
namespace {

using enum Affects;
using enum Format;

/// Who changes results says in which part of the hello it is compared; the rest has kNone.
struct Changes {
  Affects affects;
  Agreement agreement;
};

constexpr Changes kModel{kResults, Agreement::kModel};
constexpr Changes kStrategy{kResults, Agreement::kStrategy};
constexpr Changes kCodec{kResults, Agreement::kCodec};
constexpr Changes kData{kResults, Agreement::kData};
constexpr Changes kResult{kResults, Agreement::kNone};  // one island's own affair
constexpr Changes kTime{kSpeed, Agreement::kNone};
constexpr Changes kFiles{kOutput, Agreement::kNone};

/// How to reach a setting. By function pointers, so that all settings of one type share their code.
template <class T>
struct Access {
  T& (*write)(RunConfig&);
  const T& (*read)(const RunConfig&);
};

template <class Reach>
auto access_by(Reach reach) {
  return Access<std::remove_reference_t<std::invoke_result_t<Reach, RunConfig&>>>{reach, reach};
}

template <class T>
Key key(std::string name, Access<T> access, Changes changes, std::string help,
        Format format = kPlain, std::vector<std::string> choices = {}) {
  static const RunConfig defaults;
  Key result{.name = std::move(name),
             .affects = changes.affects,
             .agreement = changes.agreement,
             .rule = {.format = format, .example = {}, .choices = std::move(choices)},
             .help = std::move(help),
             .parse = {},
             .print = {}};
  result.rule.example = print_value(result.rule, access.read(defaults));
  result.parse = [access, rule = result.rule](RunConfig& config, std::string_view text) {
    parse_value(text, rule, access.write(config));
  };
  result.print = [access, rule = result.rule](const RunConfig& config) {
    return print_value(rule, access.read(config));
  };
  return result;
}

template <class T>
Key choice(std::string name, Access<T> access, Changes changes, std::vector<std::string> choices,
           std::string help) {
  return key(std::move(name), access, changes, std::move(help), kPlain, std::move(choices));
}

// A member's name and how to reach it: the two cannot differ.
#define SETTING(member) #member, access_by([](auto& config) -> auto& { return config.member; })

std::vector<Key> run_keys() {
  return {
      choice(SETTING(run.strategy), kStrategy, {"diloco", "data_parallel", "local"},
             "what happens around inner steps"),
      key(SETTING(run.islands), kStrategy, "islands that train"),
      key(SETTING(run.rounds), kStrategy, "outer steps"),
      key(SETTING(run.inner_steps), kStrategy, "inner steps between two outer steps (H)"),
      key(SETTING(run.seed), kStrategy, "everything random follows from it"),
      key(SETTING(run.device), kResult, "where the tasks compute: cpu, cuda or cuda:1"),
      key(SETTING(run.threads_per_island), kResult, "threads inside one operation"),
      key(SETTING(run.parallel), kTime, "islands compute at the same time on real cores"),
      choice(SETTING(run.time), kTime, {"virtual", "real"}, "which clock paces the run"),
      key(SETTING(run.max_lateness), kFiles, "in real time: what is later makes the run invalid"),
      key(SETTING(run.strict), kFiles, "and ends it"),
      key(SETTING(run.out), kFiles, "run folders are made in here"),
      key(SETTING(run.record), kFiles, "folder for everything needed to repeat each step"),
  };
}

std::vector<std::string> model_sizes() {
  std::vector<std::string> names;
  for (const GptSize& size : kGptSizes) names.emplace_back(size.name);
  return names;
}

std::vector<Key> model_keys() {
  return {
      choice(SETTING(task.name), kModel, {"language", "quadratic"}, "what is trained"),
      choice(SETTING(model.size), kModel, model_sizes(), "chooses the numbers below that are 0"),
      key(SETTING(model.layers), kModel, "blocks; 0 = from size"),
      key(SETTING(model.width), kModel, "of the residual stream; 0 = from size"),
      key(SETTING(model.heads), kModel, "of attention; 0 = from size"),
      key(SETTING(model.head_size), kModel, "0 = from size, else width / heads"),
      key(SETTING(model.context), kModel, "tokens of a sequence; 0 = from size"),
      key(SETTING(model.init_std), kModel, "of the initial weights; 0 = 0.68 / sqrt(width)"),
      key(SETTING(model.vocabulary), kModel, "symbols; 0 = the data's own, bytes are 256"),
      key(SETTING(model.start), kModel, "GPT-2 safetensors file to start from; empty = the seed"),
      key(SETTING(quadratic.size), kModel, "parameters"),
      key(SETTING(quadratic.conditioning), kModel, "largest over smallest curvature"),
      key(SETTING(quadratic.spread), kModel, "how far apart the islands' optima lie"),
      key(SETTING(quadratic.noise), kModel, "standard deviation of a batch's gradient noise"),
  };
}

std::vector<Key> data_keys() {
  return {
      key(SETTING(data.text), kData, "manpages, a folder of text, files, or tokens (strait data)"),
      key(SETTING(data.languages), kData, "of manual pages: the sources, in order"),
      choice(SETTING(data.split), kData, {"mixed", "by_source", "by_size"},
             "who reads what: all from all sources, each island from one, or unequal shares"),
      key(SETTING(data.mixing), kData, "with by_source: the fraction that comes from all sources",
          kFraction),
      key(SETTING(data.sizes), kData, "with by_size: a number per island, e.g. 4,2,1,1"),
      key(SETTING(data.sequences), kData, "sequences per island and inner step"),
      key(SETTING(data.held_out_windows), kData, "windows per source for every evaluation"),
  };
}

std::vector<Key> optimizer_keys() {
  return {
      choice(SETTING(inner.optimizer), kStrategy, {"adamw", "sgd"}, "of an island's own steps"),
      key(SETTING(inner.lr), kStrategy, "peak learning rate"),
      key(SETTING(inner.beta1), kStrategy, "AdamW's first moment"),
      key(SETTING(inner.beta2), kStrategy, "AdamW's second moment"),
      key(SETTING(inner.epsilon), kStrategy, "AdamW's epsilon"),
      key(SETTING(inner.weight_decay), kStrategy, "decoupled, on matrices and embeddings"),
      key(SETTING(inner.clip_norm), kStrategy, "of the whole gradient; 0 = no clipping"),
      choice(SETTING(inner.schedule), kStrategy, {"cosine", "constant", "wsd"},
             "of the learning rate, after its warm-up"),
      key(SETTING(inner.warmup), kStrategy, "fraction of all inner steps", kFraction),
      key(SETTING(inner.decay), kStrategy, "of wsd: fraction of all inner steps", kFraction),
      key(SETTING(inner.final_lr), kStrategy, "fraction of the peak at the end", kFraction),
      key(SETTING(inner.accumulate), kStrategy, "batches of an inner step"),
      choice(SETTING(inner.at_outer_step), kStrategy, {"keep", "reset"},
             "the optimizer's state, when an island starts from the shared parameters"),
      choice(SETTING(outer.optimizer), kStrategy, {"nesterov", "momentum", "sgd", "adam"},
             "of the outer steps"),
      key(SETTING(outer.lr), kStrategy, "outer learning rate"),
      choice(SETTING(outer.schedule), kStrategy, {"constant", "cosine", "linear"},
             "of the outer learning rate, over the rounds"),
      key(SETTING(outer.momentum), kStrategy, "outer momentum"),
      key(SETTING(outer.beta1), kStrategy, "outer Adam's first moment"),
      key(SETTING(outer.beta2), kStrategy, "outer Adam's second moment"),
      key(SETTING(outer.epsilon), kStrategy, "outer Adam's epsilon"),
      key(SETTING(pretrain.steps), kStrategy, "steps of one model before the islands part"),
      key(SETTING(pretrain.lr), kStrategy, "peak during pretraining; 0 = inner.lr"),
  };
}

std::vector<Key> exchange_keys() {
  return {
      choice(SETTING(collective.algorithm), kCodec, {"two_phase", "gather", "ring", "star"},
             "how the mean is formed"),
      choice(SETTING(collective.codec), kCodec, {"fp32", "bf16", "int8"},
             "what contributions travel as"),
      choice(SETTING(collective.result), kCodec, {"fp32", "bf16", "int8"},
             "what the mean travels back as; empty = codec"),
      key(SETTING(collective.piece), kTime, "bytes encoded, sent and added as one", kBytes),
      key(SETTING(collective.eager_limit), kTime, "larger messages wait for the receiver", kBytes),
      key(SETTING(collective.connections), kTime,
          "connections per pair of islands; 0 = as many as it takes"),
  };
}

std::vector<Key> round_keys() {
  return {
      key(SETTING(rounds.quorum), kStrategy, "islands that a round needs; 0 = all that live"),
      key(SETTING(rounds.grace), kStrategy, "how long a quorum waits for the others"),
      choice(SETTING(rounds.missed), kStrategy, {"continue", "receive", "rejoin"},
             "what an island does that missed a round"),
      choice(SETTING(rounds.weights), kStrategy, {"uniform", "examples", "tokens"},
             "what contributions count by"),
      key(SETTING(rounds.miss_after), kStrategy, "an island without a roster has missed the round"),
      key(SETTING(rounds.peer_timeout), kStrategy, "a silent island is expelled"),
      key(SETTING(rounds.keep), kTime, "committed rounds kept for islands that missed them"),
      key(SETTING(rounds.suspect_after), kFiles, "a silent island is shown as suspect"),
      choice(SETTING(data_parallel.missing), kStrategy, {"wait", "shrink"},
             "what a data-parallel step does about islands that are not there"),
  };
}

std::vector<std::string> device_names() {
  std::vector<std::string> names{std::string(kThisDevice)};
  for (const Device& device : devices()) names.emplace_back(device.name);
  return names;
}

std::vector<Key> time_keys() {
  return {
      choice(SETTING(network.kind), kTime, {"emulated", "pipe", "tcp"}, "what joins the islands"),
      key(SETTING(network.links), kTime, "CSV file of links, beside the scenario"),
      key(SETTING(network.islands), kTime, "CSV file of what islands are; empty = all alike"),
      key(SETTING(network.regions), kTime,
          "CSV file of what lies between regions; empty = nothing"),
      key(SETTING(network.bottlenecks), kTime, "CSV file of links that paths share; empty = none"),
      key(SETTING(network.events), kTime, "CSV file of outages and the like; empty = none"),
      key(SETTING(network.header_bytes), kTime, "headers of one packet", kBytes),
      key(SETTING(network.mss), kTime, "payload of a full packet", kBytes),
      key(SETTING(network.window), kTime, "cap of the congestion window", kBytes),
      key(SETTING(network.tuned_window), kTime,
          "the receive window opens up as Linux tunes it, from 64KiB"),
      choice(SETTING(network.tcp), kTime, {"cubic", "reno", "bbr", "ideal"},
             "how connections find their rate"),
      key(SETTING(network.queue), kTime, "room of a link's queue, in bandwidth-delay products"),
      key(SETTING(network.send_buffer), kTime, "what a connection holds that has not left yet",
          kBytes),
      key(SETTING(network.idle_restart), kTime, "the window shrinks after a pause"),
      key(SETTING(sockets.congestion), kTime, "TCP's, by the kernel's name; empty = its default"),
      key(SETTING(sockets.send_buffer), kTime, "of the kernel; 0B = it sizes it itself", kBytes),
      key(SETTING(sockets.receive_buffer), kTime, "of the kernel; 0B = it sizes it itself", kBytes),
      key(SETTING(sockets.unsent), kTime, "what a data connection takes ahead of the network",
          kBytes),
      key(SETTING(compute.step), kTime, "virtual time of one inner step of an island"),
      choice(SETTING(compute.device), kTime, device_names(),
             "whose FLOP/s say how long an inner step takes; this = measured before the run; empty "
             "= compute.step"),
      key(SETTING(compute.mfu), kTime, "of the device's peak that training reaches", kFraction),
      key(SETTING(compute.flops_per_step), kTime, "of an island's inner step; 0 = the task's"),
      key(SETTING(compute.jitter), kTime, "steps take up to this much longer or shorter",
          kFraction),
      choice(SETTING(compute.pace), kTime, {"free", "model"},
             "over real sockets: steps take what they take, or what the model says"),
      key(SETTING(compute.memory_rate), kTime, "of encoding, adding and outer steps; inf = free"),
      key(SETTING(eval.every), kFiles, "rounds between evaluations; 0 = only at the end"),
      key(SETTING(eval.outer_gradients), kFiles, "norms and cosines of outer gradients"),
      key(SETTING(checkpoint.every), kFiles, "rounds between checkpoints; 0 = none"),
      key(SETTING(checkpoint.keep), kFiles, "newest checkpoints that stay, beside the best"),
      key(SETTING(checkpoint.final), kFiles, "the model is kept at the end"),
  };
}

#undef SETTING

std::vector<Key> all_keys() {
  std::vector<Key> all;
  for (auto* group :
       {run_keys, model_keys, data_keys, optimizer_keys, exchange_keys, round_keys, time_keys}) {
    auto rows = group();
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> table = all_keys();
  return table;
}

const Key* find_key(std::string_view name) {
  const auto found =
      std::find_if(keys().begin(), keys().end(), [&](const Key& key) { return key.name == name; });
  return found == keys().end() ? nullptr : &*found;
}

const std::vector<ShortOption>& short_options() {
  static const std::vector<ShortOption> options = {{"rounds", "run.rounds"},
                                                   {"seed", "run.seed"},
                                                   {"islands", "run.islands"},
                                                   {"out", "run.out"},
                                                   {"record", "run.record"}};
  return options;
}

std::string unknown_key(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);  // npos + 1 is 0
  std::vector<std::string> elsewhere, all;
  for (const Key& key : keys()) {
    all.push_back(key.name);
    if (key.short_name() == last) elsewhere.push_back(key.name);
  }
  if (elsewhere.empty()) {
    const std::string nearest = did_you_mean(name, all);
    return fmt::format("{} is not a key{}", name,
                       nearest.empty() ? "; strait run --help lists all keys" : nearest);
  }
  return fmt::format("{} is not a key; did you mean {}?", name, join(elsewhere, ", ", " or "));
}

std::string keys_help() {
  std::string text, section;
  const RunConfig defaults;
  for (const Key& key : keys()) {
    if (key.section() != section) text += fmt::format("[{}]\n", section = key.section());
    text += fmt::format("  --{:<26} {:<12} {}", key.name, key.print(defaults), key.help);
    if (!key.rule.choices.empty()) {
      text += fmt::format(" ({})", join(key.rule.choices, " | "));
    }
    text += '\n';
  }
  return text;
}

}  // namespace strait
