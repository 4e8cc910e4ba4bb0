// A byte-level byte-pair tokenizer, as GPT-2's: the same token numbers as Hugging Face's
// `tokenizers` library gives for the same tokenizer.json.
//
// A text is cut into words (word_split.h); a word's bytes are tokens at first, and pairs of
// neighbours become one token in the order of the merges, until no pair has one. Every byte is a
// token, so any bytes can be encoded, and decoding gives them back. Names of special tokens in a
// text are text, as in GPT-2's encode_ordinary.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace strait {

using Token = std::uint16_t;

inline constexpr std::string_view kEndOfText = "<|endoftext|>";
inline constexpr std::size_t kLargestVocabulary = 65536;

/// Two neighbours that become one; the earlier in the list, the sooner.
struct Merge {
  Token left = 0, right = 0, result = 0;

  bool operator==(const Merge&) const = default;
};

/// Constant after construction; any thread.
class Tokenizer {
 public:
  /// `pieces` are the bytes of each token; all 256 single bytes have to be there, and 65,536 tokens
  /// at most. `special`: the numbers of those that no text becomes.
  Tokenizer(std::vector<std::string> pieces, std::vector<Merge> merges, std::vector<Token> special);

  std::size_t vocabulary() const { return pieces_.size(); }
  const std::string& piece(Token token) const { return pieces_.at(token); }
  const std::vector<Merge>& merges() const { return merges_; }
  const std::vector<Token>& special() const { return special_; }
  Token of_byte(std::uint8_t byte) const { return bytes_[byte]; }

  /// What ends a document, if the vocabulary has it.
  std::optional<Token> end_of_text() const { return end_of_text_; }

  std::string decode(std::span<const Token> tokens) const;

  /// Bytes of text that a token stands for; the end of a text for one, as in byte text ('\n').
  std::int64_t text_bytes(Token token) const { return text_bytes_[token]; }

  /// The place of a pair in merges(); nothing if it stays.
  std::optional<std::uint32_t> rank(Token left, Token right) const;

 private:
  std::vector<std::string> pieces_;
  std::vector<Merge> merges_;
  std::vector<Token> special_;
  std::vector<Token> bytes_;                                // [byte]
  std::vector<std::uint32_t> text_bytes_;                   // [token]
  std::unordered_map<std::uint32_t, std::uint32_t> ranks_;  // left << 16 | right
  std::optional<Token> end_of_text_;
};

/// Encodes text after text, and remembers words: 30 MB/s on a core. Thread: the owner's.
class Encoder {
 public:
  /// `tokenizer` outlives this.
  explicit Encoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  /// Appends the tokens of a whole text.
  void encode(std::string_view text, std::vector<Token>& tokens);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const;
  };
  struct Part {
    std::size_t begin = 0;
    std::size_t count = 0;
  };

  void encode_word(std::string_view word, std::vector<Token>& tokens) const;

  const Tokenizer& tokenizer_;
  std::unordered_map<std::string, Part, Hash, std::equal_to<>> words_;
  std::vector<Token> known_;  // the tokens of all words_
};

/// Reads and writes tokenizer.json of Hugging Face's `tokenizers`, both forms of merges. UserError
/// (naming `file`) for one that is broken or of another kind than GPT-2's.
Tokenizer parse_tokenizer(const std::string& json, const std::string& file);
std::string tokenizer_json(const Tokenizer& tokenizer);

/// The file that transformers wants beside it. `context`: the longest text that the model takes, in
/// tokens; 0: there is no model yet.
std::string tokenizer_config_json(const Tokenizer& tokenizer, std::int64_t context = 0);

/// Each byte a token, with the byte as its number.
Tokenizer byte_tokenizer();

}  // namespace strait
