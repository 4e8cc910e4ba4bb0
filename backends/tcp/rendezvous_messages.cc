#include "backends/tcp/rendezvous_messages.h"

#include <cstring>
#include <string_view>
#include <utility>

namespace strait::rendezvous {

namespace {

constexpr std::uint32_t kJoin = 0x6e69'6f6a;  // "join"
constexpr IslandId kAny = -1;

/// What people or other programs wrote; stays a message's worth.
std::string_view brief(std::string_view text) { return text.substr(0, 1000); }

// Each message has a put and a get; `get` returns false for values that cannot be.

void put(Writer& w, const HostPort& m) { w.put_text(brief(m.host)).put(m.port); }
bool get(Reader& r, HostPort& m) {
  m.host = r.get_text();
  m.port = r.get<std::uint16_t>();
  return true;
}

void put(Writer& w, const Ask& m) { w.put(m.island.value_or(kAny)).put_text(brief(m.program)); }
bool get(Reader& r, Ask& m) {
  const auto island = r.get<IslandId>();
  if (island != kAny) m.island = island;
  m.program = r.get_text();
  return true;
}

void put(Writer& w, const Here& m) {
  w.put(m.run_id).put(m.island).put(m.incarnation);
  put(w, m.at);
}
bool get(Reader& r, Here& m) {
  m.run_id = r.get<std::uint64_t>();
  m.island = r.get<IslandId>();
  m.incarnation = r.get<std::uint64_t>();
  return get(r, m.at);
}

void put(Writer& w, const Call& m) { w.put(m.peer).put(m.call); }
bool get(Reader& r, Call& m) {
  m.peer = r.get<PeerId>();
  m.call = r.get<std::uint64_t>();
  return index_of(m.peer) >= 0;
}

void put(Writer& w, const JoinReply& m) {
  w.put(m.run_id).put(m.island).put(m.islands).put(m.incarnation).put(m.joins);
  w.put_text(brief(m.scenario)).put_text(m.settings, kLongestSettings);
}
bool get(Reader& r, JoinReply& m) {
  m.run_id = r.get<std::uint64_t>();
  m.island = r.get<IslandId>();
  m.islands = r.get<int>();
  m.incarnation = r.get<std::uint64_t>();
  m.joins = r.get<std::uint8_t>() != 0;
  m.scenario = r.get_text();
  m.settings = r.get_text(kLongestSettings);
  return m.island >= 0 && m.island < m.islands;
}

void put(Writer& w, const Refused& m) { w.put_text(brief(m.why)); }
bool get(Reader& r, Refused& m) {
  m.why = r.get_text();
  return true;
}

void put(Writer& w, const Entry& m) {
  w.put(m.peer);
  put(w, m.at);
  w.put(m.takes_calls);
}
bool get(Reader& r, Entry& m) {
  m.peer = r.get<PeerId>();
  const bool possible = get(r, m.at);
  m.takes_calls = r.get<std::uint8_t>() != 0;
  return possible && m.peer > PeerId::kCoordinator;
}

void put(Writer& w, const Reached& m) { w.put(m.ok).put_text(brief(m.what)); }
bool get(Reader& r, Reached& m) {
  m.ok = r.get<std::uint8_t>() != 0;
  m.what = r.get_text();
  return true;
}

/// The kind is the place in the variant.
template <class Variant>
std::vector<std::byte> pack_any(const Variant& message) {
  std::uint32_t length = 0;
  Writer writer;
  writer.put(length).put(kJoin).put(kProtocolVersion);
  writer.put(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { put(writer, m); }, message);
  std::vector<std::byte> bytes = writer.take();
  length = static_cast<std::uint32_t>(bytes.size() - sizeof length);
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

template <class Variant, std::size_t kKind = 0>
std::optional<Variant> unpack_any(Reader& reader, std::size_t kind) {
  if constexpr (kKind < std::variant_size_v<Variant>) {
    if (kind != kKind) return unpack_any<Variant, kKind + 1>(reader, kind);
    std::variant_alternative_t<kKind, Variant> message;
    if (!get(reader, message) || !reader.finished()) return std::nullopt;
    return Variant(std::move(message));
  } else {
    return std::nullopt;
  }
}

template <class Variant>
std::optional<Variant> unpack_any(std::span<const std::byte> message) {
  if (version_of(message) != kProtocolVersion) return std::nullopt;
  Reader reader(message.subspan(sizeof kJoin + sizeof kProtocolVersion));
  const std::size_t kind = reader.get<std::uint8_t>();
  return unpack_any<Variant>(reader, kind);
}

}  // namespace

std::vector<std::byte> pack(const ToDesk& message) { return pack_any(message); }
std::vector<std::byte> pack(const FromDesk& message) { return pack_any(message); }

std::optional<std::uint32_t> version_of(std::span<const std::byte> message) {
  Reader reader(message);
  const bool ours = reader.get<std::uint32_t>() == kJoin;
  const auto version = reader.get<std::uint32_t>();
  return ours && reader.ok() ? std::optional(version) : std::nullopt;
}

std::optional<ToDesk> unpack_to_desk(std::span<const std::byte> message) {
  return unpack_any<ToDesk>(message);
}
std::optional<FromDesk> unpack_from_desk(std::span<const std::byte> message) {
  return unpack_any<FromDesk>(message);
}

std::optional<std::vector<std::byte>> Cutter::next() {
  std::uint32_t length = 0;
  if (is_lost_ || bytes_.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, bytes_.data(), sizeof length);
  is_lost_ = length > longest_;
  if (is_lost_ || bytes_.size() - sizeof length < length) return std::nullopt;
  const auto begin = bytes_.begin() + sizeof length;
  std::vector<std::byte> message(begin, begin + length);
  bytes_.erase(bytes_.begin(), begin + length);
  return message;
}

}  // namespace strait::rendezvous
