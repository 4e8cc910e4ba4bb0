#include "apps/show/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/quantities.h"
#include "core/base/text.h"

namespace strait {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

template <class T, class Format>
std::string range_text(const T& low, const T& high, Format format) {
  return low == high ? format(low) : format(low) + " to " + format(high);
}

bool holds(const std::vector<int>& links, int link) {
  return std::find(links.begin(), links.end(), link) != links.end();
}

}  // namespace

Bytes bandwidth_delay_product(const PairFigures& pair) {
  if (pair.rate == kUnlimited) return kUnlimited.value;
  return static_cast<Bytes>(static_cast<double>(pair.rate.value) * seconds(pair.rtt) + 0.5);
}

void PairRange::add(const PairFigures& pair) {
  low.rtt = std::min(low.rtt, pair.rtt);
  high.rtt = std::max(high.rtt, pair.rtt);
  low.rate = std::min(low.rate, pair.rate);
  high.rate = std::max(high.rate, pair.rate);
  low.loss_ppm = std::min(low.loss_ppm, pair.loss_ppm);
  high.loss_ppm = std::max(high.loss_ppm, pair.loss_ppm);
  const Bytes product = bandwidth_delay_product(pair);
  product_low = std::min(product_low, product);
  product_high = std::max(product_high, product);
}

NetworkView::NetworkView(const NetworkDescription& network) : network_(network) {
  for (IslandId island = 0; island < count(); ++island) {
    const std::string& region = network.islands[static_cast<std::size_t>(island)].region;
    auto group = std::find_if(groups_.begin(), groups_.end(),
                              [&](const Group& other) { return other.name == region; });
    if (group == groups_.end()) group = groups_.insert(group, {region, {}});
    group->islands.push_back(island);
    group_of_.push_back(static_cast<std::size_t>(group - groups_.begin()));
  }
}

bool NetworkView::has_access_links() const {
  return !network_.links.empty() && network_.links.front().name == "0.up";
}

std::string NetworkView::label(IslandId island) const {
  const std::string& name = network_.islands[static_cast<std::size_t>(island)].name;
  return name.empty() ? std::to_string(island) : name;
}

std::string NetworkView::link_label(int link) const {
  const std::string& name = network_.links[static_cast<std::size_t>(link)].name;
  const auto mark = name.find_first_of(".>");
  if (mark == std::string::npos || !is_number(name.substr(0, mark))) return name;
  const std::string rest = name.substr(mark + 1);
  return fmt::format("{}{}{}", label(std::stoi(name)), name[mark],
                     is_number(rest) ? label(std::stoi(rest)) : rest);
}

bool NetworkView::is_shared(int link) const {
  const std::string& name = network_.links[static_cast<std::size_t>(link)].name;
  const auto mark = name.find_first_of(".>");
  return mark == std::string::npos || !is_number(name.substr(0, mark));
}

std::string NetworkView::changes(int link) const {
  std::vector<std::string> parts;
  for (const LinkTrace& trace : network_.traces) {
    if (trace.link == link)
      parts.push_back("trace " + trace.source.substr(0, trace.source.find(',')));
  }
  for (const LinkOutages& outages : network_.outages) {
    if (!holds(outages.links, link)) continue;
    parts.push_back(fmt::format("{} {}/{}", outages.regular ? "flapping" : "outages",
                                format_duration(outages.mean_up),
                                format_duration(outages.mean_down)));
  }
  for (const LinkBackground& background : network_.background) {
    if (background.link != link) continue;
    parts.push_back(fmt::format("background {} in {}", format_rate(background.load),
                                format_bytes(background.transfer)));
  }
  const auto events =
      std::count_if(network_.events.begin(), network_.events.end(),
                    [&](const NetworkEvent& event) { return holds(event.links, link); });
  if (events > 0) parts.push_back(fmt::format("{} event{}", events, events == 1 ? "" : "s"));
  return join(parts, ", ");
}

PairFigures NetworkView::pair(IslandId from, IslandId to) const {
  const PathFigures there = path_figures(network_, from, to);
  PairFigures figures{.rtt = there.delay + path_figures(network_, to, from).delay,
                      .rate = there.rate,
                      .loss_ppm = there.loss_ppm};
  for (const int link : network_.path(from, to)) {
    if (is_shared(link)) figures.shared.push_back(link);
  }
  return figures;
}

std::string rtt_text(const PairRange& range) {
  return range_text(range.low.rtt, range.high.rtt, format_duration);
}

std::string rate_text(const PairRange& range) {
  return range_text(range.low.rate, range.high.rate, format_rate);
}

std::string loss_text(std::int64_t ppm) {
  return ppm == 0 ? "" : fmt::format("{:.3g}%", static_cast<double>(ppm) * 1e-4);
}

}  // namespace strait
