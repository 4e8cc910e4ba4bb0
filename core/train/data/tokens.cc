#include "core/train/data/tokens.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {

TokenSpan TokenSpan::wide(std::span<const std::uint8_t> bytes) {
  STRAIT_CHECK(bytes.size() % 2 == 0, "{} bytes of tokens", bytes.size());
  TokenSpan span(bytes);
  span.size_ /= 2;
  span.wide_ = true;
  return span;
}

TokenSpan TokenSpan::subspan(std::size_t begin, std::size_t count) const {
  STRAIT_CHECK(begin <= size_ && count <= size_ - begin, "tokens {} to {} of {}", begin,
               begin + count, size_);
  TokenSpan part = *this;
  part.data_ += wide_ ? 2 * begin : begin;
  part.size_ = count;
  return part;
}

std::uint16_t TokenSpan::largest() const {
  std::uint16_t most = 0;
  if (wide_) {
    for (std::size_t i = 0; i < size_; ++i) {
      std::uint16_t token = 0;
      std::memcpy(&token, data_ + 2 * i, 2);
      most = std::max(most, token);
    }
  } else {
    for (std::size_t i = 0; i < size_; ++i) most = std::max<std::uint16_t>(most, data_[i]);
  }
  return most;
}

void TokenSpan::copy_to(std::span<std::int64_t> numbers) const {
  STRAIT_CHECK(numbers.size() == size_, "{} tokens for {}", size_, numbers.size());
  for (std::size_t i = 0; i < size_; ++i) numbers[i] = (*this)[i];
}

std::span<const std::uint8_t> TokenSpan::bytes() const {
  STRAIT_CHECK(!wide_, "tokens of two bytes are no text");
  return {data_, size_};
}

Tokens::Tokens(std::vector<std::uint8_t> bytes) {
  auto kept = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
  if (!kept->empty()) pieces_.emplace_back(*kept);
  memory_.push_back(std::move(kept));
}

Tokens::Tokens(const std::vector<std::uint16_t>& tokens) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(2 * tokens.size());
  for (const std::uint16_t token : tokens) {
    bytes.push_back(static_cast<std::uint8_t>(token));
    bytes.push_back(static_cast<std::uint8_t>(token >> 8));
  }
  auto kept = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
  if (!kept->empty()) pieces_.push_back(TokenSpan::wide(*kept));
  memory_.push_back(std::move(kept));
}

void Tokens::append(std::shared_ptr<const MappedFile> file, TokenSpan part) {
  if (!part.empty()) pieces_.push_back(part);
  files_.push_back(std::move(file));
}

std::int64_t Tokens::size() const {
  std::int64_t size = 0;
  for (const TokenSpan& piece : pieces_) size += static_cast<std::int64_t>(piece.size());
  return size;
}

void Tokens::each_part(const std::function<void(TokenSpan)>& visit) const {
  constexpr std::size_t kPart = 16 << 20;
  for (const TokenSpan& piece : pieces_) {
    for (std::size_t at = 0; at < piece.size(); at += kPart) {
      visit(piece.subspan(at, std::min(kPart, piece.size() - at)));
      for (const auto& file : files_) {
        if (file) file->release();
      }
    }
  }
}

Windows::Windows(const Tokens& tokens, std::int32_t context) : tokens_(&tokens), context_(context) {
  STRAIT_CHECK(context > 0, "windows of {}", context);
  std::int64_t end = 0;
  for (const TokenSpan& piece : tokens.pieces()) {
    end += (static_cast<std::int64_t>(piece.size()) - 1) / context;
    ends_.push_back(end);
  }
}

Window Windows::operator[](std::int64_t i) const {
  STRAIT_CHECK(i >= 0 && i < count(), "window {} of {}", i, count());
  const auto end = std::upper_bound(ends_.begin(), ends_.end(), i);
  const std::int64_t before = end == ends_.begin() ? 0 : *(end - 1);
  const auto piece = static_cast<std::size_t>(end - ends_.begin());
  return tokens_->pieces()[piece].subspan(static_cast<std::size_t>((i - before) * context_),
                                          static_cast<std::size_t>(context_) + 1);
}

Window Windows::spread(std::int64_t i, std::int64_t of) const {
  return (*this)[static_cast<std::int64_t>(Wide{i} * count() / of)];
}

}  // namespace strait
