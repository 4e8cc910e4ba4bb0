#include "backends/tcp/rendezvous_messages.h"

#include <algorithm>

namespace strait {

namespace {

void put_long_text(Writer& w, const std::string& text) {
  w.put(static_cast<std::uint32_t>(text.size()));
  for (const char c : text) w.put(c);
}
std::string get_long_text(Reader& r) {
  const auto size = r.get<std::uint32_t>();
  std::string text;
  for (std::uint32_t i = 0; i < size && r.ok(); ++i) text += r.get<char>();
  return text;
}

void put(Writer& w, const AskMessage& m) { w.put(m.version).put(m.island).put_text(m.program); }
void get(Reader& r, AskMessage& m) {
  m.version = r.get<std::uint32_t>();
  if (m.version != kProtocolVersion) return;
  m.island = r.get<IslandId>();
  m.program = r.get_text();
}

void put(Writer& w, const PlaceMessage& m) {
  const JoinReply& p = m.place;
  w.put(p.run_id).put(p.island).put(p.islands).put(p.incarnation).put(std::uint8_t{p.joins});
  put_long_text(w.put_text(p.scenario), p.settings);
}
void get(Reader& r, PlaceMessage& m) {
  JoinReply& p = m.place;
  p.run_id = r.get<std::uint64_t>();
  p.island = r.get<IslandId>();
  p.islands = r.get<int>();
  p.incarnation = r.get<std::uint64_t>();
  p.joins = r.get<std::uint8_t>() != 0;
  p.scenario = r.get_text();
  p.settings = get_long_text(r);
}

void put(Writer& w, const RefusedMessage& m) { w.put_text(m.why); }
void get(Reader& r, RefusedMessage& m) { m.why = r.get_text(); }

void put(Writer& w, const RegisterMessage& m) {
  w.put(m.version).put(m.run_id).put(m.island).put(m.incarnation).put_text(m.host).put(m.port);
}
void get(Reader& r, RegisterMessage& m) {
  m.version = r.get<std::uint32_t>();
  if (m.version != kProtocolVersion) return;
  m.run_id = r.get<std::uint64_t>();
  m.island = r.get<IslandId>();
  m.incarnation = r.get<std::uint64_t>();
  m.host = r.get_text();
  m.port = r.get<std::uint16_t>();
}

void put(Writer& w, const BookMessage& m) {
  w.put(m.peer).put_text(m.host).put(m.port).put(std::uint8_t{m.takes_calls});
}
void get(Reader& r, BookMessage& m) {
  m.peer = r.get<PeerId>();
  m.host = r.get_text();
  m.port = r.get<std::uint16_t>();
  m.takes_calls = r.get<std::uint8_t>() != 0;
}

void put(Writer& w, const ReachedMessage& m) { w.put(std::uint8_t{m.reached}).put_text(m.where); }
void get(Reader& r, ReachedMessage& m) {
  m.reached = r.get<std::uint8_t>() != 0;
  m.where = r.get_text();
}

void put(Writer& w, const CallMessage& m) { w.put(m.peer).put(m.call); }
void get(Reader& r, CallMessage& m) {
  m.peer = r.get<PeerId>();
  m.call = r.get<std::uint64_t>();
}

/// Another version's fields are another's to read; its number says enough.
bool is_of_another_version(const JoinMessage& message) {
  const auto* ask = std::get_if<AskMessage>(&message);
  const auto* here = std::get_if<RegisterMessage>(&message);
  return (ask != nullptr && ask->version != kProtocolVersion) ||
         (here != nullptr && here->version != kProtocolVersion);
}

template <std::size_t I = 0>
std::optional<JoinMessage> read_message(std::size_t index, Reader& reader) {
  if constexpr (I < std::variant_size_v<JoinMessage>) {
    if (index != I) return read_message<I + 1>(index, reader);
    std::variant_alternative_t<I, JoinMessage> message{};
    get(reader, message);
    return JoinMessage(std::move(message));
  } else {
    return std::nullopt;
  }
}

}  // namespace

std::vector<std::byte> pack_frame(const JoinMessage& message) {
  Writer body;
  body.put(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { put(body, m); }, message);
  const std::vector<std::byte> bytes = body.take();
  const auto length = static_cast<std::uint32_t>(bytes.size());
  std::vector<std::byte> frame(sizeof length + bytes.size());
  std::memcpy(frame.data(), &length, sizeof length);
  std::memcpy(frame.data() + sizeof length, bytes.data(), bytes.size());
  return frame;
}

Outcome<JoinMessage> unpack_frame(std::span<const std::byte> frame) {
  Reader reader(frame);
  auto message = read_message(reader.get<std::uint8_t>(), reader);
  const bool whole = message && reader.ok() && (reader.finished() || is_of_another_version(*message));
  if (!whole) return Failure{FailureKind::kMismatch, "what it sends is not Strait's rendezvous"};
  return std::move(*message);
}

void FrameReader::add(std::span<const std::byte> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<Outcome<JoinMessage>> FrameReader::next() {
  std::uint32_t length = 0;
  if (bytes_.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, bytes_.data(), sizeof length);
  if (length == 0 || length > longest_) {
    return Outcome<JoinMessage>(
        Failure{FailureKind::kMismatch, "what it sends is not Strait's rendezvous"});
  }
  if (bytes_.size() < sizeof length + length) return std::nullopt;
  Outcome<JoinMessage> message = unpack_frame(std::span(bytes_).subspan(sizeof length, length));
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(sizeof length + length));
  return message;
}

}  // namespace strait
