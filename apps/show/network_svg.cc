#include "apps/show/network_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/output/table.h"
#include "core/base/quantities.h"
#include "core/base/text.h"

namespace strait {
namespace {

constexpr const char* kUp = "#1f5fa8";
constexpr const char* kDown = "#2b7a3d";
constexpr const char* kGrey = "#888";
constexpr const char* kChanges = "#a4550a";

constexpr int kMargin = 24;
constexpr int kColumns = 8;
constexpr int kLane = 26;
constexpr std::size_t kMostLanes = 15;
constexpr std::size_t kLongestText = 24;

std::string shortened(const std::string& text) {
  return text.size() <= kLongestText ? text : text.substr(0, kLongestText - 1) + "…";
}

/// 1 Mbit/s and less is thin, 10 Gbit/s and more is thick.
double width_of_rate(BytesPerSecond rate) {
  if (rate == kUnlimited) return 5.5;
  return std::clamp(1.5 + std::log10(static_cast<double>(rate.value) * 8e-6), 1.0, 5.5);
}

/// What an island's card says.
struct Card {
  std::string name, up, down, link, changes;
  double up_width = 0, down_width = 0;
};

class Picture {
 public:
  explicit Picture(const NetworkView& view) : view_(view), access_(view.has_access_links()) {
    for (IslandId i = 0; i < view.count(); ++i) cards_.push_back(card_of(i));
    for (const Card& card : cards_) {
      const int rates = 2 * std::max(text_width(card.up, 10), text_width(card.down, 10)) + 8;
      card_width_ = std::max({card_width_, text_width(card.name, 12, true), rates,
                              text_width(card.link, 10), text_width(card.changes, 10)});
      has_changes_ = has_changes_ || !card.changes.empty();
    }
    card_width_ += 12;
  }

  std::string draw(const std::string& title);

 private:
  struct Box {
    int top = 0, height = 0;
    int ports = 0, port = 0;  // lanes that end here, and those that are drawn
  };
  struct Lane {
    std::size_t a = 0, b = 0;  // groups, a above b
  };

  Card card_of(IslandId island) const;
  const LinkSpec& link(int index) const {
    return view_.network().links[static_cast<std::size_t>(index)];
  }
  int card_height() const { return 22 + (access_ ? 30 : 0) + (has_changes_ ? 14 : 0); }
  int row_height() const { return card_height() + (access_ ? 40 : 12); }

  void reach(int x) { right_ = std::max(right_, x); }
  Box draw_group(const NetworkView::Group& group, int x, int y);
  void draw_card(const Card& card, int x, int y, int bus);
  std::vector<Lane> lanes() const;
  PairRange between(std::size_t a, std::size_t b) const;
  void draw_lane(const Lane& lane, int x, int boxes_x, std::vector<Box>& boxes);
  void draw_shared();

  const NetworkView& view_;
  const bool access_;
  std::vector<Card> cards_;
  int card_width_ = 60;
  bool has_changes_ = false;
  Svg svg_;
  int y_ = kMargin;
  int right_ = 0;
};

Card Picture::card_of(IslandId island) const {
  const NetworkDescription& network = view_.network();
  Card card{.name = shortened(view_.label(island))};
  if (view_.label(island) != std::to_string(island)) card.name += fmt::format(" ({})", island);
  std::vector<std::string> changes;
  if (access_) {
    const LinkSpec &up = link(up_link(island)), &down = link(down_link(island));
    card.up = "↑ " + format_rate(up.rate);
    card.down = "↓ " + format_rate(down.rate);
    card.up_width = width_of_rate(up.rate);
    card.down_width = width_of_rate(down.rate);
    card.link = delay_text(up);
    const std::string loss = loss_text(up);
    if (!loss.empty()) card.link += ", loss " + loss;
    const auto mine = [&](const std::vector<int>& links) {
      return std::any_of(links.begin(), links.end(), [&](int l) { return l / 2 == island; });
    };
    if (std::any_of(network.traces.begin(), network.traces.end(),
                    [&](const auto& trace) { return mine({trace.link}); })) {
      changes.emplace_back("trace");
    }
    for (const bool regular : {false, true}) {
      if (std::any_of(network.outages.begin(), network.outages.end(), [&](const auto& outages) {
            return outages.regular == regular && mine(outages.links);
          })) {
        changes.emplace_back(regular ? "flapping" : "outages");
      }
    }
    if (std::any_of(network.background.begin(), network.background.end(),
                    [&](const auto& background) { return mine({background.link}); })) {
      changes.emplace_back("background");
    }
    const auto events = std::count_if(
        network.events.begin(), network.events.end(),
        [&](const auto& event) { return event.island == island || mine(event.links); });
    if (events > 0) changes.push_back(fmt::format("{} event{}", events, events == 1 ? "" : "s"));
  }
  const IslandSpec& spec = network.islands[static_cast<std::size_t>(island)];
  if (spec.start > Nanos{0}) changes.insert(changes.begin(), "from " + format_duration(spec.start));
  if (spec.speed_ppm != 1'000'000) changes.insert(changes.begin(), format_speed(spec.speed_ppm));
  card.changes = join(changes, ", ");
  return card;
}

void Picture::draw_card(const Card& card, int x, int y, int bus) {
  svg_.rect(x, y, card_width_, card_height(), "#ffffff", "#777", 4);
  const int middle = x + card_width_ / 2, left = x + card_width_ / 4 + 1,
            right = x + card_width_ * 3 / 4 - 1;
  svg_.text(middle, y + 16, card.name, {.size = 12, .bold = true, .anchor = "middle"});
  if (access_) {
    svg_.text(middle, y + 30, card.link, {.size = 10, .anchor = "middle", .fill = "#444"});
    svg_.text(left, y + 44, card.up, {.size = 10, .anchor = "middle", .fill = kUp});
    svg_.text(right, y + 44, card.down, {.size = 10, .anchor = "middle", .fill = kDown});
    svg_.arrow(left, y + card_height(), left, bus - 3, kUp, card.up_width);
    svg_.arrow(right, bus, right, y + card_height() + 3, kDown, card.down_width);
  }
  svg_.text(middle, y + card_height() - 6, card.changes,
            {.size = 10, .anchor = "middle", .fill = kChanges});
}

Picture::Box Picture::draw_group(const NetworkView::Group& group, int x, int y) {
  const int count = static_cast<int>(group.islands.size());
  const int columns = std::min(count, kColumns), rows = (count + columns - 1) / columns;
  std::string title = group.name.empty() && view_.groups().size() > 1 ? "(no region)" : group.name;
  if (count > 1) {
    PairRange inside(view_.pair(group.islands[0], group.islands[1]));
    for (const IslandId a : group.islands) {
      for (const IslandId b : group.islands) {
        if (a != b) inside.add(view_.pair(a, b));
      }
    }
    title += fmt::format("{}round trip {}, {}", title.empty() ? "" : ": ", rtt_text(inside),
                         rate_text(inside));
  }
  const int width = std::max(columns * (card_width_ + 14) + 26, text_width(title, 12, true) + 24);
  const Box box{.top = y, .height = 34 + rows * row_height()};
  svg_.rect(x, y, width, box.height, "#f4f6f9", "#c5ccd6", 8);
  svg_.text(x + 12, y + 19, title, {.size = 12, .bold = true, .fill = "#333"});
  reach(x + width);
  for (int row = 0; row < rows; ++row) {
    const int top = y + 30 + row * row_height(), bus = top + card_height() + 26;
    const int in_row = std::min(columns, count - row * columns);
    if (access_) {  // one bus per row, joined at the left
      svg_.line(x + 12, bus, x + 20 + in_row * (card_width_ + 14), bus, kGrey, 3);
      if (row > 0) svg_.line(x + 12, bus - row_height(), x + 12, bus + 1, kGrey, 3);
    }
    for (int column = 0; column < in_row; ++column) {
      const IslandId island = group.islands[static_cast<std::size_t>(row * columns + column)];
      draw_card(cards_[static_cast<std::size_t>(island)], x + 24 + column * (card_width_ + 14), top,
                bus);
    }
  }
  return box;
}

/// One for each two groups, the longest at the left.
std::vector<Picture::Lane> Picture::lanes() const {
  std::vector<Lane> all;
  for (std::size_t b = 1; b < view_.groups().size(); ++b) {
    for (std::size_t a = 0; a < b; ++a) all.push_back({a, b});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Lane& x, const Lane& y) { return x.b - x.a > y.b - y.a; });
  if (all.size() > kMostLanes) all.clear();  // the matrix says it
  return all;
}

PairRange Picture::between(std::size_t a, std::size_t b) const {
  const auto &from = view_.groups()[a].islands, &to = view_.groups()[b].islands;
  PairRange range(view_.pair(from[0], to[0]));
  for (const IslandId i : from) {
    for (const IslandId j : to) {
      range.add(view_.pair(i, j));
      range.add(view_.pair(j, i));
    }
  }
  return range;
}

void Picture::draw_lane(const Lane& lane, int x, int boxes_x, std::vector<Box>& boxes) {
  const auto port = [&](Box& box) { return box.top + box.height * ++box.port / (box.ports + 1); };
  const PairRange range = between(lane.a, lane.b);
  const double width = width_of_rate(range.low.rate);
  const int top = port(boxes[lane.a]), bottom = port(boxes[lane.b]);
  svg_.line(x, top, boxes_x, top, kGrey, width);
  svg_.line(x, bottom, boxes_x, bottom, kGrey, width);
  svg_.line(x, top, x, bottom, kGrey, width);
}

void Picture::draw_shared() {
  const auto& links = view_.network().links;
  std::vector<std::array<std::string, 3>> rows;
  std::vector<double> widths;
  for (int index = 0; index < static_cast<int>(links.size()); ++index) {
    if (!view_.is_shared(index)) continue;
    const auto& paths = view_.network().paths;
    const auto passing = std::count_if(paths.begin(), paths.end(), [&](const auto& path) {
      return std::find(path.begin(), path.end(), index) != path.end();
    });
    const LinkSpec& shared = link(index);
    std::string figures = fmt::format("{}, {}", format_rate(shared.rate), delay_text(shared));
    if (const std::string loss = loss_text(shared); !loss.empty()) figures += ", loss " + loss;
    figures += fmt::format("; {} pair{}", passing, passing == 1 ? "" : "s");
    rows.push_back({shortened(shared.name), figures, view_.changes(index)});
    widths.push_back(width_of_rate(shared.rate));
  }
  if (rows.empty()) return;
  svg_.text(kMargin, y_, "links that many pairs share", {.size = 12, .bold = true});
  int names = 0, figures = 0;
  for (const auto& row : rows) {
    names = std::max(names, text_width(row[0], 11, true));
    figures = std::max(figures, text_width(row[1], 11));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    y_ += 20;
    const int first = kMargin + 54, second = first + names + 14, third = second + figures + 14;
    svg_.arrow(kMargin, y_ - 4, kMargin + 40, y_ - 4, kGrey, widths[i]);
    svg_.text(first, y_, rows[i][0], {.bold = true});
    svg_.text(second, y_, rows[i][1]);
    svg_.text(third, y_, rows[i][2], {.fill = kChanges});
    reach(third + text_width(rows[i][2], 11));
  }
  y_ += 34;
}

std::string Picture::draw(const std::string& title) {
  svg_.text(kMargin, y_ + 14, title, {.size = 18, .bold = true});
  const std::string summary = network_summary(view_.network());
  svg_.text(kMargin, y_ + 36, summary, {.size = 12, .fill = "#444"});
  reach(kMargin + std::max(text_width(title, 18, true), text_width(summary, 12)));
  y_ += 56;
  const std::vector<Lane> all_lanes = lanes();
  const int boxes_x = kMargin + static_cast<int>(all_lanes.size()) * kLane + 10;
  std::vector<Box> boxes;
  for (const NetworkView::Group& group : view_.groups()) {
    boxes.push_back(draw_group(group, boxes_x, y_));
    y_ += boxes.back().height + 18;
  }
  for (const Lane& lane : all_lanes) {
    ++boxes[lane.a].ports;
    ++boxes[lane.b].ports;
  }
  int x = kMargin + kLane / 2;
  for (const Lane& lane : all_lanes) draw_lane(lane, std::exchange(x, x + kLane), boxes_x, boxes);
  // Text last, on white, since lines of other lanes cross.
  x = kMargin + kLane / 2;
  for (const Lane& lane : all_lanes) {
    const PairRange range = between(lane.a, lane.b);
    const std::string text = fmt::format("{}, {}", rtt_text(range), rate_text(range));
    const int middle = (boxes[lane.a].top + boxes[lane.a].height / 2 + boxes[lane.b].top +
                        boxes[lane.b].height / 2) /
                       2;
    const int length = text_width(text, 11) + 8;
    svg_.rect(x - 8, middle - length / 2, 16, length, "#ffffff", "none");
    svg_.text(x + 4, middle, text, {.anchor = "middle", .rotate = -90});
    x += kLane;
  }
  y_ += 14;
  draw_shared();
  reach(draw_matrix(view_, svg_, kMargin, y_));
  return svg_.document(right_ + kMargin, y_ + kMargin);
}

}  // namespace

std::string network_svg(const NetworkView& view, const std::string& title) {
  return Picture(view).draw(title);
}

}  // namespace strait
