#include "apps/experiment/model_costs.h"

#include <fmt/format.h>

#include "apps/experiment/task_source.h"
#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/train/gpt.h"

namespace strait {

namespace {

/// "1.23 GFLOP"
std::string human_flops(double flops) {
  constexpr std::string_view kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t prefix = 0;
  for (; flops >= 1000 && prefix + 1 < std::size(kPrefixes); ++prefix) flops /= 1000;
  return fmt::format("{:.3g} {}FLOP", flops, kPrefixes[prefix]);
}

}  // namespace

IslandMemory memory_of(const RunConfig& given) {
  const RunConfig config = filled_in(given);
  const Bytes model = static_cast<Bytes>(sizeof(float)) * layout_of(config).size();
  const bool diloco = config.run.strategy == "diloco";
  const bool exchanges = config.run.strategy != "local" && config.run.islands > 1;
  IslandMemory memory{.parameters = model,
                      .gradients = model,
                      .inner_state = inner_state_buffers(config.inner.optimizer) * model};
  if (diloco) {
    memory.shared = model;
    memory.outer_state = outer_state_buffers(config.outer.optimizer) * model;
    memory.exchange = 2 * model;
  } else if (exchanges) {
    memory.exchange = model;
  }
  if (config.task.name == "language") {
    memory.activations =
        static_cast<Bytes>(sizeof(float)) * gpt_activations(gpt_of(config), config.data.sequences);
  }
  return memory;
}

std::string costs_text(const RunConfig& config) {
  const IslandMemory m = memory_of(config);
  std::string text =
      fmt::format("memory     {} per island: parameters {}, gradients {}, inner state {}",
                  human_bytes(m.total()), human_bytes(m.parameters), human_bytes(m.gradients),
                  human_bytes(m.inner_state));
  if (m.shared > 0) {
    text += fmt::format(",\n           shared copy {}, outer state {}, outer gradients {}",
                        human_bytes(m.shared), human_bytes(m.outer_state), human_bytes(m.exchange));
  } else if (m.exchange > 0) {
    text += fmt::format(",\n           mean gradient {}", human_bytes(m.exchange));
  }
  if (m.activations > 0) {
    text += fmt::format(", activations {} (estimated)", human_bytes(m.activations));
  }
  return text +
         fmt::format("\nwork       {} per inner step and island\n", human_flops(flops_of(config)));
}

std::string models_text() {
  using enum Align;
  Table table({{"model.size"},
               {"layers x width"},
               {"heads x size"},
               {"context", kRight},
               {"vocabulary", kRight},
               {"parameters", kRight},
               {"in fp32", kRight},
               {"gradients", kRight},
               {"inner", kRight},
               {"shared", kRight},
               {"outer", kRight},
               {"exchange", kRight},
               {"activations", kRight},
               {"per island", kRight},
               {"per step", kRight}});
  for (const GptSize& size : kGptSizes) {
    RunConfig config;
    config.model.size = size.name;
    config.model.vocabulary = size.vocabulary;
    config.data.sequences = 1;
    const IslandMemory m = memory_of(config);
    const GptOptions& o = size.options;
    table.row({std::string(size.name), fmt::format("{} x {}", o.layers, o.width),
               fmt::format("{} x {}", o.heads, o.head_size), human_count(o.context),
               human_count(size.vocabulary), human_count(layout_of(config).count()),
               human_bytes(m.parameters), human_bytes(m.gradients), human_bytes(m.inner_state),
               human_bytes(m.shared), human_bytes(m.outer_state), human_bytes(m.exchange),
               human_bytes(m.activations), human_bytes(m.total()), human_flops(flops_of(config))});
  }
  return table.text() +
         "\nWith the vocabulary of those who published the size; model.vocabulary is 256 (bytes) "
         "where it is not set.\nAdamW inside, Nesterov outside, fp32, one sequence per step: "
         "data.sequences x inner.accumulate multiplies the work.\nActivations are estimated, for "
         "the CPU, which takes a batch in parts; what the network holds is not in here.\n";
}

}  // namespace strait
