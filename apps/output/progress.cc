#include "apps/output/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "apps/output/human.h"
#include "apps/output/table.h"

namespace strait {
namespace {

struct RoundColumn {
  std::string_view title;
  std::size_t width;  // of the widest value that is met, so that lines do not depend on each other
  Align align = Align::kRight;
};

constexpr std::array kColumns{RoundColumn{"arm", 13, Align::kLeft},
                              RoundColumn{"round", 9},
                              RoundColumn{"step", 7},
                              RoundColumn{"loss", 7},
                              RoundColumn{"bits/byte", 9},
                              RoundColumn{"time", 12},
                              RoundColumn{"sent", 8},
                              RoundColumn{"members", 7}};

std::string in_columns(const std::array<std::string, kColumns.size()>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    line += padded(cells[i], kColumns[i].width, kColumns[i].align);
  }
  return line;
}

}  // namespace

std::string banner_text(const std::vector<BannerSection>& sections) {
  std::string text;
  for (const auto& section : sections) {
    std::size_t width = 0;
    for (const auto& [key, value] : section.lines) width = std::max(width, width_of(key));
    if (!text.empty()) text += '\n';
    text += section.title + '\n';
    for (const auto& [key, value] : section.lines) {
      text += fmt::format("  {}  {}\n", padded(key, width), value);
    }
  }
  return text;
}

std::string round_titles() {
  std::array<std::string, kColumns.size()> titles;
  std::transform(kColumns.begin(), kColumns.end(), titles.begin(),
                 [](const RoundColumn& column) { return std::string(column.title); });
  return in_columns(titles);
}

std::string round_line(const RoundLine& line) {
  return in_columns({line.arm, fmt::format("{}/{}", line.round, line.rounds),
                     fmt::format("{}", line.step), fmt::format("{:.4f}", line.loss),
                     line.bits_per_byte ? fmt::format("{:.4f}", *line.bits_per_byte) : "-",
                     human_time(line.virtual_time), human_bytes(line.sent),
                     fmt::format("{}", line.members)});
}

bool is_terminal(std::FILE* file) {
  const char* const kind = std::getenv("TERM");
  return ::isatty(::fileno(file)) != 0 && (kind == nullptr || std::string_view(kind) != "dumb");
}

void Progress::put(std::string_view text) {
  // A closed pipe (strait demo | head) is no reason to end the run: its files are what counts.
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fflush(out_);
}

void Progress::line(std::string_view text) {
  clear();
  put(fmt::format("{}\n", text));
}

void Progress::bar(std::string_view label, std::int64_t done, std::int64_t total) {
  constexpr std::int64_t kWidth = 32;
  if (!terminal_ || total <= 0) return;
  const std::int64_t filled = std::clamp<std::int64_t>(done * kWidth / total, 0, kWidth);
  std::string bar = fmt::format("[{:#<{}}{:.<{}}] {}/{} {}{}", "", filled, "", kWidth - filled,
                                done, total, label, time_left(label, done, total));
  if (bar == drawn_) return;
  put(fmt::format("\r\x1b[K{}", bar));
  drawn_ = std::move(bar);
}

std::string Progress::time_left(std::string_view label, std::int64_t done, std::int64_t total) {
  if (label != label_ || done < first_) {
    label_ = label;
    first_ = done;
    since_first_ = {};
  }
  if (done <= first_ || done >= total) return "";
  const double left = since_first_.seconds() * static_cast<double>(total - done) /
                      static_cast<double>(done - first_);
  return fmt::format(", {} left",
                     human_time(Nanos{static_cast<std::int64_t>(left) * 1'000'000'000}));
}

void Progress::clear() {
  if (drawn_.empty()) return;
  put("\r\x1b[K");
  drawn_.clear();
}

}  // namespace strait
