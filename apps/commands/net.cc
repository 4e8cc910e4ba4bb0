// strait net: what the emulated network does, how well (net_validate.cc), the same with a real
// kernel (net_lab.cc), and what a real link is like (net_link.cc).

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "apps/probing/report.h"
#include "apps/show/network_svg.h"
#include "apps/show/tables.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

constexpr std::string_view kShowUsage = "write strait net show SCENARIO [--svg FILE]";
constexpr std::string_view kProbeUsage =
    "write strait net probe SCENARIO [--key value], or HOST:PORT for a real link";

int show_network(std::vector<std::string> words) {
  const std::string svg = take_option(words, "--svg", "file", kShowUsage);
  const LoadedConfig loaded = load_emulated(words, "show");
  const NetworkDescription network = fabric_of(loaded.config).description;
  const NetworkView view(network);
  if (!svg.empty()) write_file_atomically(svg, network_svg(view, loaded.name()), "--svg");
  fmt::print("{}: {}\n\n{}", loaded.name(), network_summary(network), links_table(view));
  if (!network.traces.empty()) fmt::print("\n{}", traces_table(view));
  if (view.count() > 1) fmt::print("\n{}", pairs_table(view));
  if (!svg.empty()) fmt::print("\npicture: {}\n", svg);
  return 0;
}

int probe(const std::vector<std::string>& words) {
  if (words.empty()) throw UserError(fmt::format("no scenario; {}", kProbeUsage));
  const LoadedConfig loaded = load_emulated(words, "probe");
  const FabricOptions fabric = fabric_of(loaded.config);
  const NetworkProbe probe = probe_network(fabric.description, fabric.emulated);
  fmt::print("{}: {}\n\n{}", loaded.name(), network_summary(fabric.description),
             probed_links_table(probe));
  if (!probe.pairs.empty()) fmt::print("\n{}", probed_pairs_table(probe));
  fmt::print("\n{}", probe_verdict(probe));
  return deviations(probe).empty() ? 0 : 1;
}

}  // namespace

std::string take_option(std::vector<std::string>& words, const std::string& option,
                        std::string_view what, std::string_view usage) {
  const std::string begin = option + "=";
  std::string value;
  for (auto word = words.begin(); word != words.end();) {
    const bool joined = word->starts_with(begin);
    if (*word != option && !joined) {
      ++word;
      continue;
    }
    if (!value.empty()) throw UserError(fmt::format("{} is there twice; {}", option, usage));
    if (!joined) word = words.erase(word);
    if (word != words.end()) value = joined ? word->substr(begin.size()) : *word;
    if (value.empty() || (!joined && value.starts_with("--"))) {
      throw UserError(fmt::format("{} has no {}; {}", option, what, usage));
    }
    word = words.erase(word);
  }
  return value;
}

LoadedConfig load_emulated(const std::vector<std::string>& words, std::string_view what) {
  LoadedConfig loaded = load_config("", words);
  if (loaded.config.network.kind != "emulated") {
    throw UserError(fmt::format("network.kind = {}: there are no links to {}; write emulated",
                                loaded.config.network.kind, what));
  }
  return loaded;
}

int command_net(const std::vector<std::string>& words) {
  const std::string what = words.empty() ? "" : words.front();
  const std::vector<std::string> rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (what == "validate") return command_net_validate(rest);
  if (what == "lab") return command_net_lab(rest);
  if (what == "show") return show_network(rest);
  if (what == "probe") return name_a_link(rest) ? command_net_probe_link(rest) : probe(rest);
  if (what == "serve") return command_net_serve(rest);
  throw UserError(fmt::format(
      "strait net{}{}: write strait net show, probe, serve, lab or validate; strait net --help "
      "shows what they take",
      what.empty() ? "" : " ", what));
}

}  // namespace strait
