#include "core/comm/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/check.h"
#include "core/base/text.h"

namespace strait {

namespace {

/// The value of `key=value` among the words of a line.
std::string value_of(const std::vector<std::string>& words, const std::string& key) {
  for (const std::string& word : words) {
    if (word.rfind(key + "=", 0) == 0) return word.substr(key.size() + 1);
  }
  return {};
}

template <class Number>
std::optional<Number> number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::vector<IslandId>> islands(const std::string& text) {
  std::vector<IslandId> result;
  for (const std::string& part : split(text, ',')) {
    const auto island = number<IslandId>(part);
    if (!island) return std::nullopt;
    result.push_back(*island);
  }
  return result;
}

}  // namespace

bool Journal::Commit::has(IslandId island) const {
  return std::binary_search(members.begin(), members.end(), island);
}

Journal::Journal(Storage& storage, std::string file) : storage_(storage), file_(std::move(file)) {
  storage_.lock(file_);
  const auto bytes = storage_.read(file_);
  if (!bytes || bytes->empty()) return;
  const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  const std::size_t end = text.rfind('\n') + 1;  // npos + 1 is 0
  const std::string whole = text.substr(0, end);
  read(whole);
  if (end == text.size()) return;
  // What follows must not become part of a torn line.
  const std::string mended = file_ + ".mended";
  storage_.append(mended, std::as_bytes(std::span(whole)));
  storage_.sync(mended);
  storage_.rename(mended, file_);
}

void Journal::read(const std::string& text) {
  int line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    read_line(text.substr(at, end - at), ++line);
    at = end + 1;
  }
}

void Journal::read_line(const std::string& line, int line_number) {
  const auto words = split(line, ' ');
  const auto round = number<std::uint32_t>(value_of(words, "round"));
  const auto epoch = number<std::uint32_t>(value_of(words, "epoch"));
  const std::string kind = words.empty() ? std::string() : words[0];
  bool good = epoch.has_value();
  if (kind == "commit") {
    const auto members = islands(value_of(words, "members"));
    good = good && members && round && *round == committed() + 1;
    if (good) commits_.push_back({*epoch, *members});
  } else {
    good = good && (kind == "start" || (kind == "abort" && round));
  }
  if (!good) {
    throw UserError(
        fmt::format("{}:{}: '{}' is no line of a coordinator's journal; give an empty "
                    "folder to begin anew",
                    file_, line_number, line));
  }
  // The epoch of a commit may go on to the next round, that of a start is in use from then on, and
  // after an abort the next one is.
  next_epoch_ = std::max(next_epoch_, *epoch + (kind == "abort" ? 2 : 1));
}

const Journal::Commit* Journal::commit_of(std::uint32_t round) const {
  return round >= 1 && round <= committed() ? &commits_[round - 1] : nullptr;
}

Nanos Journal::start(std::uint32_t epoch) { return write(fmt::format("start epoch={}\n", epoch)); }

Nanos Journal::abort(std::uint32_t round, std::uint32_t epoch) {
  return write(fmt::format("abort round={} epoch={}\n", round, epoch));
}

Nanos Journal::commit(Commit commit, std::uint64_t shared_hash) {
  std::string line =
      fmt::format("commit round={} epoch={} before={:016x} members=", committed() + 1, commit.epoch,
                  shared_hash);
  STRAIT_CHECK(!commit.members.empty(), "round {} is committed by nobody", committed() + 1);
  for (const IslandId member : commit.members) line += fmt::format("{},", member);
  line.back() = '\n';
  const Nanos took = write(line);
  commits_.push_back(std::move(commit));
  return took;
}

Nanos Journal::write(const std::string& line) {
  storage_.append(file_, std::as_bytes(std::span(line)));
  return storage_.sync(file_);
}

}  // namespace strait
