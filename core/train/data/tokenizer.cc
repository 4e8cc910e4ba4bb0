#include "core/train/data/tokenizer.h"

#include <xxhash.h>

#include <algorithm>
#include <queue>
#include <tuple>

#include "core/base/check.h"
#include "core/train/data/word_split.h"

namespace strait {
namespace {

constexpr std::size_t kWordsKnown = 1 << 18;
constexpr std::size_t kLongestKnown = 64;  // bytes of a word that is worth remembering

std::uint32_t pair_key(Token left, Token right) {
  return static_cast<std::uint32_t>(left) << 16 | right;
}

/// A token of a word that is being merged; they are a list, linked by place.
struct Symbol {
  Token token = 0;
  bool gone = false;  // part of the one before it
  std::int64_t before = 0, after = 0;
};

/// The pair at `place` and the one after it.
struct Candidate {
  std::uint32_t rank = 0;
  std::int64_t place = 0;

  bool operator>(const Candidate& other) const {
    return std::tie(rank, place) > std::tie(other.rank, other.place);
  }
};

}  // namespace

Tokenizer::Tokenizer(std::vector<std::string> pieces, std::vector<Merge> merges,
                     std::vector<Token> special)
    : pieces_(std::move(pieces)),
      merges_(std::move(merges)),
      special_(std::move(special)),
      bytes_(256) {
  STRAIT_CHECK(pieces_.size() <= kLargestVocabulary, "{} tokens", pieces_.size());
  std::vector<bool> there(256);
  for (std::size_t token = 0; token < pieces_.size(); ++token) {
    const auto number = static_cast<Token>(token);
    const bool is_special = std::find(special_.begin(), special_.end(), number) != special_.end();
    text_bytes_.push_back(static_cast<std::uint32_t>(is_special ? 1 : pieces_[token].size()));
    if (is_special && pieces_[token] == kEndOfText) end_of_text_ = number;
    if (is_special || pieces_[token].size() != 1) continue;
    const auto byte = static_cast<std::uint8_t>(pieces_[token][0]);
    bytes_[byte] = number;
    there[byte] = true;
  }
  STRAIT_CHECK(std::find(there.begin(), there.end(), false) == there.end(),
               "a tokenizer without all bytes");
  for (std::size_t rank = 0; rank < merges_.size(); ++rank) {
    ranks_[pair_key(merges_[rank].left, merges_[rank].right)] = static_cast<std::uint32_t>(rank);
  }
}

std::string Tokenizer::decode(std::span<const Token> tokens) const {
  std::string text;
  for (const Token token : tokens) text += piece(token);
  return text;
}

std::optional<std::uint32_t> Tokenizer::rank(Token left, Token right) const {
  const auto found = ranks_.find(pair_key(left, right));
  if (found == ranks_.end()) return std::nullopt;
  return found->second;
}

std::size_t Encoder::Hash::operator()(std::string_view word) const {
  return XXH3_64bits(word.data(), word.size());
}

void Encoder::encode(std::string_view text, std::vector<Token>& tokens) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(text, at);
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (word.size() > kLongestKnown) {
      encode_word(word, tokens);
      continue;
    }
    auto known = words_.find(word);
    if (known == words_.end()) {
      if (words_.size() >= kWordsKnown) {
        words_.clear();
        known_.clear();
      }
      const std::size_t begin = known_.size();
      encode_word(word, known_);
      known = words_.emplace(std::string(word), Part{begin, known_.size() - begin}).first;
    }
    const auto first = known_.begin() + static_cast<std::ptrdiff_t>(known->second.begin);
    tokens.insert(tokens.end(), first, first + static_cast<std::ptrdiff_t>(known->second.count));
  }
}

// The lowest rank first, the leftmost of equal ones: a heap of candidates. One whose tokens have
// changed since is dropped when it comes up.
void Encoder::encode_word(std::string_view word, std::vector<Token>& tokens) const {
  const auto count = static_cast<std::int64_t>(word.size());
  std::vector<Symbol> symbols(word.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto at = [&](std::int64_t place) -> Symbol& {
    return symbols[static_cast<std::size_t>(place)];
  };
  const auto consider = [&](std::int64_t place) {
    if (place < 0 || at(place).after >= count) return;
    const auto rank = tokenizer_.rank(at(place).token, at(at(place).after).token);
    if (rank) heap.push({*rank, place});
  };
  for (std::int64_t i = 0; i < count; ++i) {
    at(i) = {tokenizer_.of_byte(static_cast<std::uint8_t>(word[static_cast<std::size_t>(i)])),
             false, i - 1, i + 1};
  }
  for (std::int64_t i = 0; i < count; ++i) consider(i);
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Symbol& left = at(best.place);
    if (left.gone || left.after >= count) continue;
    Symbol& right = at(left.after);
    const Merge& merge = tokenizer_.merges()[best.rank];
    if (left.token != merge.left || right.token != merge.right) continue;
    left.token = merge.result;
    right.gone = true;
    left.after = right.after;
    if (left.after < count) at(left.after).before = best.place;
    consider(left.before);
    consider(best.place);
  }
  for (const Symbol& symbol : symbols) {
    if (!symbol.gone) tokens.push_back(symbol.token);
  }
}

}  // namespace strait
