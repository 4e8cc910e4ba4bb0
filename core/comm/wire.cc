#include "core/comm/wire.h"

namespace strait {

namespace {

constexpr std::uint16_t kMagic = 0x5374;  // "tS"

/// Whether a frame of this kind can have these lengths.
bool fits_kind(const FrameHeader& header) {
  switch (header.kind) {
    case FrameKind::kHello:
    case FrameKind::kRefuse: return header.length > 0 && header.length <= kLargestGreeting;
    case FrameKind::kData: return header.length > 0 || header.total == 0;
    default: return header.length == 0;
  }
}

}  // namespace

std::array<std::byte, kFrameHeaderBytes> pack(const FrameHeader& header) {
  std::array<std::byte, kFrameHeaderBytes> bytes;
  std::size_t filled = 0;
  const auto put = [&](const auto& value) {  // not a Writer: there is a header for every message
    std::memcpy(bytes.data() + filled, &value, sizeof(value));
    filled += sizeof(value);
  };
  put(kMagic);
  put(header.kind);
  put(header.cause);
  put(header.length);
  put(header.tag);
  put(header.total);
  put(header.offset);
  put(header.sequence);
  STRAIT_CHECK(filled == bytes.size(), "a frame header has {} bytes", filled);
  return bytes;
}

std::optional<FrameHeader> unpack(std::span<const std::byte, kFrameHeaderBytes> bytes) {
  Reader reader(bytes);
  if (reader.get<std::uint16_t>() != kMagic) return std::nullopt;
  FrameHeader header;
  header.kind = reader.get<FrameKind>();
  header.cause = reader.get<Cause>();
  header.length = reader.get<std::uint32_t>();
  header.tag = reader.get<Tag>();
  header.total = reader.get<std::uint64_t>();
  header.offset = reader.get<std::uint64_t>();
  header.sequence = reader.get<std::uint64_t>();
  const bool known = header.kind >= FrameKind::kHello && header.kind <= FrameKind::kWiden &&
                     static_cast<std::size_t>(header.cause) < kCauses;
  const bool bounded = header.total <= kLargestMessage && header.length <= kLargestFrame &&
                       header.offset <= header.total &&
                       header.length <= header.total - header.offset;
  if (!known || !bounded || !fits_kind(header)) return std::nullopt;
  return header;
}

Writer& Writer::put_text(std::string_view text, std::uint32_t longest) {
  STRAIT_CHECK(text.size() <= longest, "a text of {} bytes", text.size());
  put(static_cast<std::uint32_t>(text.size()));
  const auto bytes = std::as_bytes(std::span(text));
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

std::string Reader::get_text(std::uint32_t longest) {
  const auto size = get<std::uint32_t>();
  if (size > longest || size > bytes_.size()) {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
  bytes_ = bytes_.subspan(size);
  return text;
}

}  // namespace strait
