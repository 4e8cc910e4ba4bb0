#include "apps/validation/case_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "netsim/csv_rows.h"

namespace strait {
namespace {

using nlohmann::json;

constexpr std::string_view kForm =
    "id,params,median_s,all_s,wire_bytes,class[,what,reps,min_s,max_s,cv_pct,goodput_mbps,retrans,"
    "min_rtt_ms,late_mean_us,late_max_us,late_over_1ms,flows_s]";

constexpr Bytes kFrame = 1514;
constexpr Bytes kSmallestQueue = 64 * kFrame;

// What is wrong with a value; the row says where.
struct BadValue {
  std::string what;
};

double number(std::string_view text, double least, double most) {
  double value = 0;
  std::size_t used = 0;
  try {
    value = std::stod(std::string(text), &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != text.size() || !(value >= least && value <= most)) {
    throw BadValue{fmt::format("'{}' is no number from {} to {}", text, least, most)};
  }
  return value;
}

double number_in(const json& value, double least, double most) {
  return number(value.is_string() ? value.get<std::string>() : value.dump(), least, most);
}

Nanos seconds(double s) { return Nanos(std::llround(s * 1e9)); }
BytesPerSecond megabits_of(double mbit) { return {std::llround(mbit * 125'000)}; }
std::int64_t ppm(double fraction) { return std::llround(fraction * 1e6); }

BytesPerSecond rate(std::string_view text) { return megabits_of(number(text, 1e-3, 1e6)); }
BytesPerSecond rate_in(const json& value) { return megabits_of(number_in(value, 1e-3, 1e6)); }

int host(std::string_view name) {
  if (name.size() != 1 || name[0] < 'a' || name[0] > 'z') {
    throw BadValue{fmt::format("'{}' is no host; they are a, b, c, ...", name)};
  }
  return name[0] - 'a';
}

std::vector<std::pair<int, int>> flows(const std::string& text) {
  std::vector<std::pair<int, int>> pairs;
  for (const std::string& pair : split(text, ',')) {
    const auto ends = split(pair, '>');
    if (ends.size() != 2) throw BadValue{fmt::format("'{}' is no pair; write a>b", pair)};
    pairs.emplace_back(host(ends[0]), host(ends[1]));
  }
  return pairs;
}

// Options of the link: "--outage 1.5:3 --steps 0:40,1.5:10 --period 3 --ge 0.001,0.3".
void read_link_options(const std::string& text, KernelCase& c) {
  std::vector<std::string> words;
  for (const std::string& word : split(text, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto two = [&](std::string_view from, char separator) {
      const auto parts = split(from, separator);
      if (parts.size() != 2) throw BadValue{fmt::format("'{}' is not two numbers", from)};
      return std::pair(parts[0], parts[1]);
    };
    const std::string& value = words[i + 1];
    if (words[i] == "--outage") {
      const auto [start, duration] = two(value, ':');
      c.outage = {seconds(number(start, 0, 1e6)), seconds(number(duration, 1e-3, 1e6))};
    } else if (words[i] == "--steps") {
      for (const std::string& step : split(value, ',')) {
        const auto [start, mbit] = two(step, ':');
        c.rates.emplace_back(seconds(number(start, 0, 1e6)), rate(mbit));
      }
    } else if (words[i] == "--period") {
      c.period = seconds(number(value, 1e-3, 1e6));
    } else if (words[i] == "--ge") {
      const auto [begin, end] = two(value, ',');
      c.bursts = {ppm(number(begin, 1e-6, 1)), ppm(number(end, 1e-6, 1))};
    } else {
      throw BadValue{
          fmt::format("'{}' is unknown; there are --outage --steps --period --ge", words[i])};
    }
  }
  if (words.size() % 2 != 0) throw BadValue{fmt::format("'{}' has no value", words.back())};
  const auto earlier = [](const auto& a, const auto& b) { return a.first <= b.first; };
  if (std::adjacent_find(c.rates.begin(), c.rates.end(), std::not_fn(earlier)) != c.rates.end()) {
    throw BadValue{"--steps are not in the order of time"};
  }
  if (!c.rates.empty() && c.period <= c.rates.back().first) {
    throw BadValue{"--steps needs a --period behind its last step"};
  }
}

void read_transfer_options(const json& words, KernelCase& c) {
  if (words.size() != 2 || words[0] != "--warm") {
    throw BadValue{fmt::format("{} is unknown; write [\"--warm\", \"5\"]", words.dump())};
  }
  c.idle_before = seconds(number_in(words[1], 0, 1e6));
}

std::string one_of(const json& value, std::initializer_list<std::string_view> names) {
  const auto name = value.get<std::string>();
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  throw BadValue{fmt::format("'{}' is unknown; there are {}", name,
                             join(std::vector<std::string>(names.begin(), names.end()), ", "))};
}

Bytes whole(const json& value, double least, double most) {
  return std::llround(number_in(value, least, most));
}

KernelCase read_params(const json& params) {
  KernelCase c;
  double bandwidth_delay_products = 1;
  std::optional<BytesPerSecond> down;
  const std::map<std::string, std::function<void(const json&)>> keys{
      {"n", [&](const json& v) { c.hosts = static_cast<int>(whole(v, 2, 26)); }},
      {"mbps", [&](const json& v) { c.up = rate_in(v); }},
      {"down", [&](const json& v) { down = rate_in(v); }},
      {"rtt", [&](const json& v) { c.rtt = seconds(number_in(v, 0, 1e5) / 1e3); }},
      {"bdp", [&](const json& v) { bandwidth_delay_products = number_in(v, 0, 1e4); }},
      {"loss", [&](const json& v) { c.loss_ppm = ppm(number_in(v, 0, 0.99)); }},
      {"extra", [&](const json& v) { read_link_options(v.get<std::string>(), c); }},
      {"kextra", [&](const json& v) { read_transfer_options(v, c); }},
      {"wmem", [&](const json& v) { c.send_buffer = whole(v, 4096, 1e10); }},
      {"rmem", [&](const json& v) { c.receive_buffer = whole(v, 4096, 1e10); }},
      {"idle", [&](const json& v) { c.idle_restart = whole(v, 0, 1) == 1; }},
      {"nbytes", [&](const json& v) { c.bytes = whole(v, 1, 1e12); }},
      {"pairs", [&](const json& v) { c.flows = flows(v.get<std::string>()); }},
      {"cc",
       [&](const json& v) {
         c.congestion_control = one_of(v, {"cubic", "bbr", "reno"});
       }},
      {"mode",
       [&](const json& v) {
         c.ring = one_of(v, {"xfer", "ring"}) == "ring";
       }},
  };
  for (const auto& [key, value] : params.items()) {
    const auto found = keys.find(key);
    if (found == keys.end()) throw BadValue{fmt::format("'{}' is unknown", key)};
    try {
      found->second(value);
    } catch (const BadValue& bad) {
      throw BadValue{fmt::format("{}: {}", key, bad.what)};
    } catch (const json::exception&) {
      throw BadValue{fmt::format("{}: {} is of another type", key, value.dump())};
    }
  }
  for (const auto& [from, to] : c.flows) {
    if (!c.ring && std::max(from, to) >= c.hosts) {
      throw BadValue{fmt::format("pairs: there are only {} hosts (n)", c.hosts)};
    }
    if (from == to) throw BadValue{"pairs: a host does not send to itself"};
  }
  if (c.ring && c.bytes < c.hosts) throw BadValue{"nbytes: less than a byte for each host (n)"};
  if (c.ring && c.idle_before) throw BadValue{"kextra: a ring has no transfer before"};
  c.down = down.value_or(c.up);
  const double product = static_cast<double>(c.up.value) * static_cast<double>(c.rtt.count()) / 1e9;
  c.queue = std::max(kSmallestQueue, static_cast<Bytes>(bandwidth_delay_products * product));
  return c;
}

MeasuredCase read_case(const CsvRow& row) {
  const auto column = [&](std::string_view name, const auto& read) {
    try {
      return read(row[name]);
    } catch (const BadValue& bad) {
      row.refuse(name, bad.what);
    } catch (const json::exception&) {
      row.refuse(name, fmt::format("'{}' is no JSON", row[name].substr(0, 60)));
    }
  };
  const auto time = [](std::string_view text) { return number(text, 1e-9, 1e7); };
  MeasuredCase measured;
  measured.setup =
      column("params", [](const auto& text) { return read_params(json::parse(text)); });
  measured.setup.id = row["id"];
  measured.what = row["what"];
  measured.params = row["params"];
  measured.median_s = column("median_s", time);
  measured.all_s = column("all_s", [&](const auto& text) {
    std::vector<double> values;
    for (const std::string& value : split(text, ' ')) values.push_back(time(value));
    if (values.empty()) throw BadValue{"empty; give the seconds of every repetition"};
    return values;
  });
  measured.wire_bytes = static_cast<Bytes>(
      column("wire_bytes", [](const auto& text) { return number(text, 0, 1e15); }));
  measured.tight = column("class", [](const auto& text) {
    for (const bool tight : {true, false}) {
      if (text == class_name(tight)) return tight;
    }
    throw BadValue{fmt::format("'{}' is neither tight nor spread", text)};
  });
  return measured;
}

}  // namespace

std::vector<MeasuredCase> read_case_file(const std::string& path) {
  std::vector<MeasuredCase> cases;
  for (const CsvRow& row : CsvFile(path).rows(kForm)) cases.push_back(read_case(row));
  if (cases.empty()) throw UserError(fmt::format("{}: no cases; add a row for each", path));
  return cases;
}

}  // namespace strait
