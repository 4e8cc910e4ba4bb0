#include "apps/launch/node_list.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "core/base/errors.h"
#include "core/base/text.h"

namespace strait {

namespace {

constexpr std::size_t kMostNodes = 1'000'000;

/// One element of the list: a name with brackets in it. Tells mistakes by `where` and itself.
class NodePattern {
 public:
  NodePattern(std::string_view pattern, const std::string& where)
      : pattern_(pattern), where_(where) {}

  std::vector<std::string> expand() const {
    if (pattern_.empty()) throw bad("is empty");
    std::vector<std::string> names{""};
    for (std::size_t at = 0; at < pattern_.size();) {
      const std::size_t open = pattern_.find_first_of("[] \t\n", at);
      const std::vector<std::string> literal{std::string(pattern_.substr(at, open - at))};
      names = product(names, literal);
      if (open == std::string_view::npos) break;
      if (pattern_[open] != '[') throw bad(fmt::format("has a stray '{}'", pattern_[open]));
      const std::size_t close = pattern_.find(']', open);
      if (close == std::string_view::npos) throw bad("has a '[' without ']'");
      names = product(names, numbers(pattern_.substr(open + 1, close - open - 1)));
      at = close + 1;
    }
    return names;
  }

 private:
  UserError bad(const std::string& what) const {
    return UserError(fmt::format("{}: '{}' {}; write names as Slurm does, e.g. node[10,20-25]",
                                 where_, pattern_, what));
  }

  std::vector<std::string> product(const std::vector<std::string>& heads,
                                   const std::vector<std::string>& tails) const {
    check_count(heads.size() * tails.size());
    std::vector<std::string> names;
    names.reserve(heads.size() * tails.size());
    for (const std::string& head : heads) {
      for (const std::string& tail : tails) names.push_back(head + tail);
    }
    return names;
  }

  /// "10,020-025" is {"10", "020", ..., "025"}.
  std::vector<std::string> numbers(std::string_view ranges) const {
    std::vector<std::string> names;
    for (const std::string& range : split(ranges, ',')) {
      const std::size_t dash = range.find('-');
      const std::string first = range.substr(0, dash);
      const std::string last = dash == std::string::npos ? first : range.substr(dash + 1);
      const std::uint64_t from = number(first, range), to = number(last, range);
      if (to < from) throw bad(fmt::format("has the range '{}', which runs backwards", range));
      if (to - from >= kMostNodes) check_count(kMostNodes + 1);
      check_count(names.size() + (to - from + 1));
      for (std::uint64_t n = from; n <= to; ++n) {
        names.push_back(fmt::format("{:0{}}", n, first.size()));
      }
    }
    if (names.empty()) throw bad("has nothing between '[' and ']'");
    return names;
  }

  std::uint64_t number(const std::string& digits, const std::string& range) const {
    constexpr std::size_t kMostDigits = 18;  // what 64 bits hold for sure
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() ||
        digits.size() > kMostDigits) {
      throw bad(fmt::format("has the range '{}', which is no number and no N-M", range));
    }
    return value;
  }

  void check_count(std::size_t count) const {
    if (count > kMostNodes) throw bad(fmt::format("stands for more than {} names", kMostNodes));
  }

  std::string_view pattern_;
  const std::string& where_;
};

/// Where the element that begins at 0 ends: at the first comma outside brackets.
std::size_t end_of_element(std::string_view list) {
  bool inside = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '[') inside = true;
    if (list[i] == ']') inside = false;
    if (list[i] == ',' && !inside) return i;
  }
  return std::string_view::npos;
}

}  // namespace

std::vector<std::string> expand_node_list(std::string_view list, const std::string& where) {
  std::vector<std::string> names;
  while (true) {
    const std::size_t end = end_of_element(list);
    for (std::string& name : NodePattern(list.substr(0, end), where).expand()) {
      if (names.size() == kMostNodes) {
        throw UserError(fmt::format("{} stands for more than {} names; write a shorter list", where,
                                    kMostNodes));
      }
      names.push_back(std::move(name));
    }
    if (end == std::string_view::npos) return names;
    list.remove_prefix(end + 1);
  }
}

}  // namespace strait
