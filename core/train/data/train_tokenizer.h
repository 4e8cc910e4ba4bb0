// Learns a byte-pair vocabulary: as the trainer of Hugging Face's `tokenizers` does, to the number,
// with its end-of-text token first and a pair that occurs less than twice left alone.
//
// Again and again the pair of neighbours that is most frequent becomes one token; of equally
// frequent ones the one with the smaller numbers. Only words and their counts are kept, so memory
// and time go with the number of different words. Deterministic. Thread: the owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/train/data/tokenizer.h"

namespace strait {

/// The end of text and every byte.
inline constexpr std::size_t kSmallestVocabulary = 257;

/// How often each word occurs.
class WordCounts {
 public:
  void add(std::string_view text);
  const std::unordered_map<std::string, std::int64_t>& words() const { return words_; }

 private:
  std::unordered_map<std::string, std::int64_t> words_;
};

/// A sample of texts, which keeps about `bytes` of them: those with the lowest hashes, so that
/// neither their order nor their amount matters.
class TextSample {
 public:
  /// bytes > 0
  explicit TextSample(std::size_t bytes) : most_(bytes) {}

  void add(std::string_view text);

  /// Adds the words of the texts that were kept.
  void count(WordCounts& counts) const;

 private:
  std::size_t most_, held_ = 0;
  std::multimap<std::uint64_t, std::string> texts_;  // by hash
};

/// Of `vocabulary` tokens, or fewer where the text has no more pairs. `on_token` hears the number
/// of tokens that are there.
Tokenizer train_tokenizer(const WordCounts& counts, std::size_t vocabulary,
                          const std::function<void(std::size_t)>& on_token = {});

}  // namespace strait
