#include "core/train/data/train_tokenizer.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <queue>
#include <tuple>
#include <utility>

#include "core/base/check.h"
#include "core/train/data/word_split.h"

namespace strait {
namespace {

constexpr std::int64_t kLeastFrequent = 2;

using Pair = std::pair<Token, Token>;

std::uint32_t key_of(Pair pair) {
  return static_cast<std::uint32_t>(pair.first) << 16 | pair.second;
}

/// A pair, how often it occurred when this was written down, and the words that it was new in.
struct Candidate {
  std::int64_t count = 0;
  Pair pair;
  std::vector<std::uint32_t> words;

  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

struct Word {
  std::vector<Token> tokens;
  std::int64_t count = 0;
};

/// The bytes in the order of the characters that tokenizer.json writes them as.
std::vector<std::uint8_t> bytes_in_order() {
  std::vector<std::uint8_t> printable, others;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    (itself ? printable : others).push_back(static_cast<std::uint8_t>(byte));
  }
  printable.insert(printable.end(), others.begin(), others.end());
  return printable;
}

class Trainer {
 public:
  Trainer(const WordCounts& counts, std::size_t vocabulary) : vocabulary_(vocabulary) {
    add_piece(std::string(kEndOfText));
    std::array<Token, 256> of_byte{};
    for (const std::uint8_t byte : bytes_in_order()) {
      of_byte[byte] = add_piece(std::string(1, static_cast<char>(byte)));
    }
    std::vector<std::pair<std::string_view, std::int64_t>> sorted(counts.words().begin(),
                                                                  counts.words().end());
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [text, count] : sorted) {
      Word word{.tokens = {}, .count = count};
      for (const char c : text) word.tokens.push_back(of_byte[static_cast<unsigned char>(c)]);
      words_.push_back(std::move(word));
    }
    count_pairs();
  }

  Tokenizer run(const std::function<void(std::size_t)>& on_token) {
    while (pieces_.size() < vocabulary_ && !heap_.empty()) {
      Candidate best = heap_.top();
      heap_.pop();
      if (const std::int64_t now = counts_[key_of(best.pair)]; now != best.count) {
        best.count = now;
        heap_.push(std::move(best));
        continue;
      }
      if (best.count < kLeastFrequent) break;
      merge(best);
      if (on_token) on_token(pieces_.size());
    }
    return {std::move(pieces_), std::move(merges_), {0}};
  }

 private:
  Token add_piece(const std::string& piece) {
    const auto [found, is_new] = numbers_.try_emplace(piece, static_cast<Token>(pieces_.size()));
    if (is_new) pieces_.push_back(piece);
    return found->second;
  }

  void count_pairs() {
    std::map<Pair, std::vector<std::uint32_t>> where;
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      const Word& word = words_[w];
      for (std::size_t i = 1; i < word.tokens.size(); ++i) {
        const Pair pair{word.tokens[i - 1], word.tokens[i]};
        counts_[key_of(pair)] += word.count;
        auto& words = where[pair];
        if (words.empty() || words.back() != w) words.push_back(w);
      }
    }
    push(where);
  }

  void push(std::map<Pair, std::vector<std::uint32_t>>& where) {
    for (auto& [pair, words] : where) {
      const std::int64_t count = counts_[key_of(pair)];
      if (count > 0) heap_.push({count, pair, std::move(words)});
    }
  }

  void merge(const Candidate& best) {
    const auto [left, right] = best.pair;
    const Token result = add_piece(pieces_[left] + pieces_[right]);
    merges_.push_back({left, right, result});
    std::map<Pair, std::vector<std::uint32_t>> created;
    for (const std::uint32_t w : best.words) merge_in(w, merges_.back(), created);
    push(created);
  }

  void merge_in(std::uint32_t w, const Merge& merge,
                std::map<Pair, std::vector<std::uint32_t>>& created) {
    Word& word = words_[w];
    const auto lose = [&](Token a, Token b) { counts_[key_of({a, b})] -= word.count; };
    const auto gain = [&](Token a, Token b) {
      counts_[key_of({a, b})] += word.count;
      auto& words = created[{a, b}];
      if (words.empty() || words.back() != w) words.push_back(w);
    };
    auto& tokens = word.tokens;
    std::size_t to = 0;  // tokens before it are done
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] != merge.left || i + 1 == tokens.size() || tokens[i + 1] != merge.right) {
        tokens[to++] = tokens[i];
        continue;
      }
      if (to > 0) {
        lose(tokens[to - 1], merge.left);
        gain(tokens[to - 1], merge.result);
      }
      if (i + 2 < tokens.size()) {
        lose(merge.right, tokens[i + 2]);
        gain(merge.result, tokens[i + 2]);
      }
      tokens[to++] = merge.result;
      ++i;
    }
    tokens.resize(to);
  }

  std::size_t vocabulary_;
  std::vector<std::string> pieces_;
  std::unordered_map<std::string, Token> numbers_;
  std::vector<Merge> merges_;
  std::vector<Word> words_;
  std::unordered_map<std::uint32_t, std::int64_t> counts_;  // [pair]
  std::priority_queue<Candidate> heap_;
};

}  // namespace

void WordCounts::add(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(text, at);
    ++words_[std::string(text.substr(at, end - at))];
    at = end;
  }
}

void TextSample::add(std::string_view text) {
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  if (held_ >= most_ && hash >= std::prev(texts_.end())->first) return;
  texts_.emplace(hash, text);
  held_ += text.size();
  while (texts_.size() > 1 && held_ - std::prev(texts_.end())->second.size() >= most_) {
    held_ -= std::prev(texts_.end())->second.size();
    texts_.erase(std::prev(texts_.end()));
  }
}

void TextSample::count(WordCounts& counts) const {
  for (const auto& [hash, text] : texts_) counts.add(text);
}

Tokenizer train_tokenizer(const WordCounts& counts, std::size_t vocabulary,
                          const std::function<void(std::size_t)>& on_token) {
  STRAIT_CHECK(vocabulary >= kSmallestVocabulary && vocabulary <= kLargestVocabulary,
               "a vocabulary of {}", vocabulary);
  return Trainer(counts, vocabulary).run(on_token);
}

}  // namespace strait
