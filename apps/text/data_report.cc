#include "apps/text/data_report.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <unordered_map>

#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/train/data/utf8.h"

namespace strait {
namespace {

// Of each island; more would not change a share by more than half a percent.
constexpr std::int64_t kSample = 1 << 15;

std::string percent(std::int64_t part, std::int64_t all) {
  return fmt::format("{:.1f} %",
                     all == 0 ? 0.0 : 100 * static_cast<double>(part) / static_cast<double>(all));
}

std::string bytes_per_token(const Corpus& corpus, const Tokens& tokens) {
  if (corpus.is_bytes) return "1";
  if (!corpus.tokenizer) return "unknown";
  std::int64_t bytes = 0;
  tokens.each_part([&](TokenSpan part) { bytes += *text_bytes(corpus, part); });
  return fmt::format("{:.3f}", static_cast<double>(bytes) / static_cast<double>(tokens.size()));
}

std::uint64_t hash_of(Window window) {
  const auto memory = window.memory();
  return XXH3_64bits(memory.data(), memory.size());
}

/// What an island has, of all its windows or of kSample of them.
struct Shard {
  std::vector<std::int64_t> of_source;
  std::vector<std::uint64_t> places, contents;
};

Shard shard_of(const Corpus& corpus, const Batches& batches, std::int32_t island) {
  Shard shard{
      .of_source = std::vector<std::int64_t>(corpus.sources.size()), .places = {}, .contents = {}};
  const std::int64_t all = batches.windows_per_epoch(island), count = std::min(all, kSample);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto place = batches.owned(island, i * (all / count));
    ++shard.of_source[place.source];
    shard.places.push_back(static_cast<std::uint64_t>(place.source) << 48 |
                           static_cast<std::uint64_t>(place.window));
    shard.contents.push_back(hash_of(batches.window(place)));
  }
  return shard;
}

/// Islands that have a place or contents: one, or several.
class Owners {
 public:
  void add(const std::vector<std::uint64_t>& keys, std::int32_t island) {
    for (const std::uint64_t key : keys) {
      const auto [owner, is_first] = owners_.try_emplace(key, island);
      if (!is_first && owner->second != island) owner->second = kSeveral;
    }
  }
  std::int64_t shared(const std::vector<std::uint64_t>& keys) const {
    return std::count_if(keys.begin(), keys.end(),
                         [&](std::uint64_t key) { return owners_.at(key) == kSeveral; });
  }

 private:
  static constexpr std::int32_t kSeveral = -1;
  std::unordered_map<std::uint64_t, std::int32_t> owners_;
};

std::string sources_of(const Corpus& corpus, const Shard& shard) {
  std::string text;
  const auto all = static_cast<std::int64_t>(shard.places.size());
  for (std::size_t s = 0; s < shard.of_source.size(); ++s) {
    if (shard.of_source[s] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", corpus.sources[s].name,
                        percent(shard.of_source[s], all));
  }
  return text;
}

}  // namespace

std::string sources_table(const Corpus& corpus) {
  using enum Align;
  Table table({{"source"},
               {"files", kRight},
               {"documents", kRight},
               {"train tokens", kRight},
               {"held-out tokens", kRight},
               {"bytes/token", kRight}});
  for (const Source& s : corpus.sources) {
    const std::int64_t pages =
        std::max(s.pages.train_pages + s.pages.held_out_pages, s.pages.files);
    table.row({s.name, human_count(s.pages.files), human_count(pages), human_count(s.train.size()),
               human_count(s.held_out.size()), bytes_per_token(corpus, s.train)});
  }
  return table.text();
}

std::string tokens_text(const Corpus& corpus) {
  std::string text;
  if (corpus.is_bytes) {
    text = "tokens: bytes, a vocabulary of 256\n";
  } else {
    text = fmt::format("tokens: two bytes each, a vocabulary of {}{}\n",
                       human_count(corpus.vocabulary),
                       corpus.tokenizer ? " (tokenizer.json)"
                                        : " (GPT-2's; no tokenizer.json beside them says what they "
                                          "stand for)");
  }
  PageCounts sum;
  for (const Source& source : corpus.sources) {
    sum.repeated += source.pages.repeated;
    sum.bad_utf8_bytes += source.pages.bad_utf8_bytes;
    sum.bad_utf8_pages += source.pages.bad_utf8_pages;
  }
  text += fmt::format("invalid UTF-8: {} bytes in {} documents, kept as bytes\n",
                      human_count(sum.bad_utf8_bytes), human_count(sum.bad_utf8_pages));
  text += fmt::format("repeated documents: {}, left out\n", human_count(sum.repeated));
  return text;
}

std::string islands_table(const Corpus& corpus, const Batches& batches, std::int32_t islands) {
  std::vector<Shard> shards;
  Owners places, contents;
  std::int64_t all = 0;
  bool sampled = false;
  for (std::int32_t island = 0; island < islands; ++island) {
    shards.push_back(shard_of(corpus, batches, island));
    places.add(shards.back().places, island);
    contents.add(shards.back().contents, island);
    all += batches.windows_per_epoch(island);
    sampled |= batches.windows_per_epoch(island) > kSample;
  }
  using enum Align;
  Table table({{"island", kRight},
               {"windows", kRight},
               {"share", kRight},
               {"also another's", kRight},
               {"by contents", kRight},
               {"sources"}});
  for (std::int32_t island = 0; island < islands; ++island) {
    const Shard& shard = shards[static_cast<std::size_t>(island)];
    const std::int64_t windows = batches.windows_per_epoch(island);
    table.row({fmt::format("{}", island), human_count(windows), percent(windows, all),
               human_count(places.shared(shard.places)),
               human_count(contents.shared(shard.contents)), sources_of(corpus, shard)});
  }
  return table.text() +
         (sampled ? fmt::format("What is shared was counted in {} windows of each island.\n",
                                human_count(kSample))
                  : "");
}

std::string sample_text(const Corpus& corpus, const Batches& batches) {
  const std::string text = text_of_tokens(corpus, batches.windows(0, 0).front());
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = utf8_at(text, at);
    const bool control = c.bytes == 1 && (c.code < 0x20 || c.code == 0x7f);
    if (c.code == '\n') {
      line += "\\n";
    } else if (c.bytes == 0 || control) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]));
    } else {
      line += text.substr(at, static_cast<std::size_t>(c.bytes));
    }
    at += static_cast<std::size_t>(std::max(1, c.bytes));
  }
  return line;
}

}  // namespace strait
