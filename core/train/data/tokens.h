// Tokens in memory or in mapped files, and the windows that they are cut into.
//
// A token is one byte (byte text) or two, little-endian. Views are valid as long as the Tokens
// that they come from. Constant after construction; any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/train/data/mapped_file.h"

namespace strait {

/// A view of tokens that stand one after the other.
class TokenSpan {
 public:
  TokenSpan() = default;
  TokenSpan(std::span<const std::uint8_t> bytes)  // NOLINT: a view of them
      : data_(bytes.data()), size_(bytes.size()) {}
  TokenSpan(const std::vector<std::uint8_t>& bytes)  // NOLINT: likewise
      : TokenSpan(std::span(bytes)) {}

  /// Two bytes a token: all of `bytes`, which has to be even.
  static TokenSpan wide(std::span<const std::uint8_t> bytes);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool is_wide() const { return wide_; }
  const std::uint8_t* data() const { return data_; }

  std::uint16_t operator[](std::size_t i) const {
    if (!wide_) return data_[i];
    std::uint16_t token = 0;  // every machine that Strait builds on is little-endian
    std::memcpy(&token, data_ + 2 * i, 2);
    return token;
  }
  TokenSpan subspan(std::size_t begin, std::size_t count) const;
  TokenSpan first(std::size_t count) const { return subspan(0, count); }

  /// The largest; 0 if it is empty.
  std::uint16_t largest() const;

  /// The tokens as numbers; `numbers` is as long as this.
  void copy_to(std::span<std::int64_t> numbers) const;

  /// What they are in memory.
  std::span<const std::uint8_t> memory() const { return {data_, wide_ ? 2 * size_ : size_}; }

  /// Of byte text only.
  std::span<const std::uint8_t> bytes() const;

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  bool wide_ = false;
};

/// Tokens with what keeps them alive: one piece of memory, or mapped files in a fixed order. Copies
/// share it.
class Tokens {
 public:
  Tokens() = default;
  explicit Tokens(std::vector<std::uint8_t> bytes);
  explicit Tokens(const std::vector<std::uint16_t>& tokens);

  void append(std::shared_ptr<const MappedFile> file, TokenSpan part);

  std::int64_t size() const;
  const std::vector<TokenSpan>& pieces() const { return pieces_; }

  /// Calls `visit` with all tokens in their order, some millions at once, and gives the memory of
  /// mapped ones back.
  void each_part(const std::function<void(TokenSpan)>& visit) const;

 private:
  std::vector<TokenSpan> pieces_;
  std::vector<std::shared_ptr<const void>> memory_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
};

/// context + 1 tokens: token t predicts token t + 1.
using Window = TokenSpan;

/// The windows of a text at stride `context`, so that every token is a target once; computed, not
/// stored. None lies across two pieces.
class Windows {
 public:
  /// `tokens` outlives this.
  Windows(const Tokens& tokens, std::int32_t context);

  std::int64_t count() const { return ends_.empty() ? 0 : ends_.back(); }
  Window operator[](std::int64_t i) const;

  /// The i-th of `count` windows at even distances.
  Window spread(std::int64_t i, std::int64_t of) const;

 private:
  const Tokens* tokens_;
  std::int64_t context_;
  std::vector<std::int64_t> ends_;  // [piece] windows up to its end
};

}  // namespace strait
