// Tables and the picture of a network: what they say, and that no text lies on another.
#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "apps/show/network_svg.h"
#include "apps/show/tables.h"
#include "core/base/text.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// Islands of all kinds in so many regions; 0 = without.
NetworkDescription various(int islands, int regions) {
  std::vector<AccessLink> links;
  for (int i = 0; i < islands; ++i) {
    links.push_back({megabits(10 + 7 * (i % 9)), megabits(1000 / (1 + i % 5)),
                     std::chrono::milliseconds(3 + 11 * (i % 7)), i % 3 == 0 ? 500 : 0});
  }
  NetworkDescription network = describe_network(links);
  for (int i = 0; i < islands; ++i) {
    IslandSpec& island = network.islands[static_cast<std::size_t>(i)];
    if (i % 4 == 1) island.name = fmt::format("a-machine-far-away-{}", i);
    if (regions > 0) island.region = fmt::format("region-{}", i % regions);
  }
  network.islands.back().start = 20s;
  network.traces.push_back({.link = 0, .rows = {{}}, .source = "lte.up, mahimahi"});
  network.outages.push_back({.name = "0", .links = {0, 1}, .mean_up = 60s, .mean_down = 3s});
  network.events.push_back(link_event(1s, NetworkEventKind::kLinkRate, 1));
  return network;
}

struct Box {
  std::string text;
  int left, top, right, bottom;
};

/// Where the texts of a picture are, at most.
std::vector<Box> texts_of(const std::string& svg) {
  static const std::regex kText(
      "<text x=\"(-?\\d+)\" y=\"(-?\\d+)\" font-size=\"(\\d+)\"([^>]*)>([^<]*)</text>");
  std::vector<Box> boxes;
  for (std::sregex_iterator at(svg.begin(), svg.end(), kText), end; at != end; ++at) {
    const std::string style = (*at)[4], text = (*at)[5];
    const int x = std::stoi((*at)[1]), y = std::stoi((*at)[2]), size = std::stoi((*at)[3]);
    const int width = text_width(text, size, style.find("bold") != std::string::npos);
    const bool middle = style.find("middle") != std::string::npos;
    const int before = middle ? width / 2 : style.find("\"end\"") != std::string::npos ? width : 0;
    if (text.empty()) continue;
    if (style.find("rotate(-90") != std::string::npos) {
      boxes.push_back({text, x - size * 3 / 4, y - before, x + size / 4, y + width - before});
    } else {
      boxes.push_back({text, x - before, y - size * 3 / 4, x + width - before, y + size / 4});
    }
  }
  return boxes;
}

TEST_CASE("no text of a network's picture lies on another or outside", "[show]") {
  for (const int islands : {1, 2, 4, 9, 17, 64}) {
    for (const int regions : {0, 1, 2, 5, 9}) {
      const NetworkDescription network = various(islands, regions);
      const std::string svg = network_svg(NetworkView(network), "a network");
      const std::vector<Box> boxes = texts_of(svg);
      INFO(islands << " islands, " << regions << " regions");
      REQUIRE(boxes.size() >= static_cast<std::size_t>(4 * islands));
      std::smatch size;
      REQUIRE(std::regex_search(svg, size, std::regex("width=\"(\\d+)\" height=\"(\\d+)\"")));
      for (const Box& box : boxes) {
        const bool inside = box.left >= 0 && box.top >= 0 && box.right <= std::stoi(size[1]) &&
                            box.bottom <= std::stoi(size[2]);
        if (!inside) FAIL_CHECK("'" << box.text << "' lies outside");
        for (const Box& other : boxes) {
          const bool apart = box.right <= other.left || other.right <= box.left ||
                             box.bottom <= other.top || other.bottom <= box.top;
          if (&box < &other && !apart) {
            FAIL_CHECK("'" << box.text << "' lies on '" << other.text << "'");
          }
        }
      }
    }
  }
}

TEST_CASE("a picture shows names, rates and what changes, and escapes text", "[show]") {
  NetworkDescription network = various(4, 2);
  const std::string svg = network_svg(NetworkView(network), "a < b & c");
  for (const char* part :
       {"a &lt; b &amp; c", "a-machine-far-away-1 (1)", "↑ 10mbit", "3ms, loss 0.05%",
        "trace, outages", "from 20s", "region-1: round trip"}) {
    INFO(part);
    CHECK(svg.find(part) != std::string::npos);
  }
}

TEST_CASE("alike links and pairs share a row of the tables", "[show]") {
  NetworkDescription network = describe_network(std::vector<AccessLink>(
      6, {.up = megabits(20), .down = megabits(40), .delay = 10ms, .loss_ppm = 1'000}));
  const NetworkView view(network);
  const auto links = split(links_table(view), '\n');
  REQUIRE(links.size() == 5);
  CHECK(links[2] == "0.up, 1.up, 2.up and 3 more        20mbit   10ms  0.1%");
  CHECK(links[3] == "0.down, 1.down, 2.down and 3 more  40mbit   10ms  0.1%");
  const auto pairs = split(pairs_table(view), '\n');
  REQUIRE(pairs.size() == 4);
  CHECK_THAT(pairs[2], Catch::StartsWith("every island  every island        40ms  20mbit"));
  CHECK_THAT(pairs[2], Catch::Contains("100 kB"));  // 2.5 MB/s x 40 ms
}

TEST_CASE("what changes a link stands in its row", "[show]") {
  const NetworkDescription network = various(3, 0);
  const auto links = split(links_table(NetworkView(network)), '\n');
  const auto row = [&](const std::string& name) {
    return *std::find_if(links.begin(), links.end(),
                         [&](const std::string& line) { return line.starts_with(name); });
  };
  CHECK_THAT(row("0.up"), Catch::EndsWith("trace lte.up, outages 60s/3s"));
  CHECK_THAT(row("0.down"), Catch::EndsWith("outages 60s/3s"));
  CHECK_THAT(row("a-machine-far-away-1.up"), Catch::EndsWith("1 event"));
}

TEST_CASE("the traces that links follow have a table", "[show]") {
  NetworkDescription network = various(3, 0);
  CHECK(traces_table(NetworkView(describe_network({{}, {}}))).empty());
  const LinkTrace trace{.start = 3s,
                        .period = 4s,
                        .rows = {{Nanos{0}, megabits(10)}, {1s, megabits(2)}},
                        .source = "lte.down, mahimahi in steps of 20ms"};
  network.traces = {trace, trace};
  network.traces[1].link = down_link(2);
  const auto lines = split(traces_table(NetworkView(network)), '\n');
  REQUIRE(lines.size() == 4);
  CHECK(lines[2] ==
        "lte.down, mahimahi in steps of 20ms      4s      2      4mbit  0.up from 3s, "
        "2.down from 3s");
}

TEST_CASE("many kinds of pairs become ranges by region or by sender", "[show]") {
  const NetworkDescription regions = various(64, 3), none = various(20, 0);
  const auto by_region = split(pairs_table(NetworkView(regions)), '\n');
  REQUIRE(by_region.size() == 2 + 9 + 1);
  CHECK_THAT(by_region[2], Catch::StartsWith("region-0  region-0"));
  const auto by_sender = split(pairs_table(NetworkView(none)), '\n');
  REQUIRE(by_sender.size() == 2 + 20 + 1);
  CHECK_THAT(by_sender[2], Catch::StartsWith("0 "));
  CHECK_THAT(by_sender[2], Catch::Contains("all others"));
}

TEST_CASE("a link without limit has no bandwidth-delay product", "[show]") {
  const NetworkDescription network =
      describe_network({{kUnlimited, kUnlimited, 5ms}, {kUnlimited, kUnlimited, 5ms}});
  CHECK_THAT(pairs_table(NetworkView(network)), Catch::Contains("20ms   inf                inf"));
}

}  // namespace
}  // namespace strait
