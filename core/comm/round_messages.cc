#include "core/comm/round_messages.h"

#include <cmath>
#include <string_view>

#include "core/comm/tags.h"
#include "core/comm/transport.h"

namespace strait {

namespace {

constexpr std::uint32_t kMostMembers = 1 << 16;

constexpr bool possible(IslandId island) {
  return island >= 0 && island < static_cast<IslandId>(kMostMembers);
}

/// A reason may quote another island's; it stays a message's worth.
std::string_view brief(std::string_view why) { return why.substr(0, 2000); }

// Each message has a put and a get; `get` returns false for values that cannot be.

void put(Writer&, const HeartbeatMessage&) {}
bool get(Reader&, HeartbeatMessage&) { return true; }

void put(Writer& w, const ReadyMessage& m) { w.put(m.round).put(m.weight).put(m.shared_hash); }
bool get(Reader& r, ReadyMessage& m) {
  m.round = r.get<std::uint32_t>();
  m.weight = r.get<double>();
  m.shared_hash = r.get<std::uint64_t>();
  return std::isfinite(m.weight) && m.weight >= 0 && m.round > 0;
}

void put(Writer& w, const ReportMessage& m) {
  w.put(m.round).put(m.epoch).put(m.completed).put(m.gave_up).put(m.kind).put(m.blamed);
  w.put_text(brief(m.why));
}
bool get(Reader& r, ReportMessage& m) {
  m.round = r.get<std::uint32_t>();
  m.epoch = r.get<std::uint32_t>();
  m.completed = r.get<std::uint8_t>() != 0;
  m.gave_up = r.get<std::uint8_t>() != 0;
  m.kind = r.get<FailureKind>();
  m.blamed = r.get<PeerId>();
  m.why = r.get_text();
  const bool someone = m.blamed == ReportMessage{}.blamed || possible(index_of(m.blamed));
  return someone && m.kind >= FailureKind::kClosed && m.kind <= FailureKind::kTimeout;
}

void put(Writer& w, const SitOutMessage& m) { w.put(m.round); }
bool get(Reader& r, SitOutMessage& m) {
  m.round = r.get<std::uint32_t>();
  return m.round > 0;
}

void put(Writer& w, const WhereMessage& m) { w.put(m.round); }
bool get(Reader& r, WhereMessage& m) {
  m.round = r.get<std::uint32_t>();
  return true;
}

void put(Writer&, const LeaveMessage&) {}
bool get(Reader&, LeaveMessage&) { return true; }

void put(Writer& w, const SuspectMessage& m) { w.put(m.peer).put(m.refused); }
bool get(Reader& r, SuspectMessage& m) {
  m.peer = r.get<PeerId>();
  m.refused = r.get<std::uint8_t>() != 0;
  return possible(index_of(m.peer));
}

void put(Writer& w, const RosterMessage& m) {
  w.put(m.round).put(m.epoch).put(static_cast<std::uint32_t>(m.roster.members.size()));
  for (const auto& member : m.roster.members) w.put(member.island).put(member.weight);
}
bool get(Reader& r, RosterMessage& m) {
  m.round = r.get<std::uint32_t>();
  m.epoch = r.get<std::uint32_t>();
  const auto count = r.get<std::uint32_t>();
  IslandId before = -1;
  for (std::uint32_t i = 0; i < count && i < kMostMembers && r.ok(); ++i) {
    Roster::Member member;
    member.island = r.get<IslandId>();
    member.weight = r.get<float>();
    if (!(member.island > before && possible(member.island) && member.weight >= 0 &&
          member.weight <= 1))
      return false;
    before = member.island;
    m.roster.members.push_back(member);
  }
  return true;
}

void put(Writer& w, const VerdictMessage& m) {
  w.put(m.round).put(m.epoch).put(m.commit).put_text(brief(m.why));
}
bool get(Reader& r, VerdictMessage& m) {
  m.round = r.get<std::uint32_t>();
  m.epoch = r.get<std::uint32_t>();
  m.commit = r.get<std::uint8_t>() != 0;
  m.why = r.get_text();
  return true;
}

void put(Writer& w, const MissedMessage& m) { w.put(m.round).put(m.committed); }
bool get(Reader& r, MissedMessage& m) {
  m.round = r.get<std::uint32_t>();
  m.committed = r.get<std::uint32_t>();
  return true;
}

void put(Writer& w, const HereMessage& m) {
  w.put(m.committed).put(static_cast<std::uint32_t>(m.donors.size()));
  for (const IslandId donor : m.donors) w.put(donor);
}
bool get(Reader& r, HereMessage& m) {
  m.committed = r.get<std::uint32_t>();
  const auto count = r.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && i < kMostMembers && r.ok(); ++i) {
    m.donors.push_back(r.get<IslandId>());
    if (!possible(m.donors.back())) return false;
  }
  return true;
}

void put(Writer& w, const FailedMessage& m) { w.put(m.kind).put_text(brief(m.why)); }
bool get(Reader& r, FailedMessage& m) {
  m.kind = r.get<FailureKind>();
  m.why = r.get_text();
  return m.kind >= FailureKind::kClosed && m.kind <= FailureKind::kTimeout;
}

void put(Writer& w, const AskMessage& m) {
  w.put(m.number).put(m.from).put(m.have).put(m.have_round).put(m.have_pieces).put(m.buffers);
}
bool get(Reader& r, AskMessage& m) {
  m.number = r.get<std::uint32_t>();
  m.from = r.get<std::uint32_t>();
  m.have = r.get<GiveMessage::Kind>();
  m.have_round = r.get<std::uint32_t>();
  m.have_pieces = r.get<std::uint32_t>();
  m.buffers = r.get<std::uint32_t>();
  return m.have <= GiveMessage::Kind::kState;
}

void put(Writer& w, const GiveMessage& m) {
  w.put(m.ask).put(m.kind).put(m.from).put(m.round).put(m.skipped);
  w.put(static_cast<std::uint32_t>(m.pieces.size()));
  for (const auto& p : m.pieces) {
    w.put(p.buffer).put(p.begin).put(p.end).put(p.bytes).put(p.codec);
  }
}
bool get(Reader& r, GiveMessage& m) {
  m.ask = r.get<std::uint32_t>();
  m.kind = r.get<GiveMessage::Kind>();
  m.from = r.get<std::uint32_t>();
  m.round = r.get<std::uint32_t>();
  m.skipped = r.get<std::uint32_t>();
  const auto count = r.get<std::uint32_t>();
  if (count > kMostPieces) return false;
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) {
    GiveMessage::Piece p;
    p.buffer = r.get<std::uint32_t>();
    p.begin = r.get<std::int64_t>();
    p.end = r.get<std::int64_t>();
    p.bytes = r.get<std::int64_t>();
    p.codec = r.get<std::uint8_t>();
    const bool possible = p.begin >= 0 && p.begin <= p.end && p.bytes >= 0 &&
                          p.end <= static_cast<std::int64_t>(kLargestMessage) &&
                          p.bytes <= static_cast<std::int64_t>(kLargestMessage);
    if (!possible) return false;
    m.pieces.push_back(p);
  }
  return m.kind <= GiveMessage::Kind::kState && m.skipped <= m.pieces.size();
}

Failure garbled(const char* what) {
  return {FailureKind::kMismatch, std::string("a garbled message ") + what};
}

template <class Message>
Slice pack_plain(const Message& message) {
  Writer writer;
  put(writer, message);
  return make_message(writer.take());
}

template <class Message>
Outcome<Message> unpack_plain(const Slice& bytes, const char* what) {
  Reader reader(bytes.bytes);
  Message message;
  if (!get(reader, message) || !reader.finished()) return garbled(what);
  return message;
}

template <class Variant>
Slice pack_kind(const Variant& message) {
  Writer writer;
  writer.put(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { put(writer, m); }, message);
  return make_message(writer.take());
}

/// Tries the alternatives in turn until the kind is the one that the bytes name.
template <class Variant, std::size_t kKind = 0>
Outcome<Variant> unpack_kind(Reader& reader, std::size_t kind, const char* what) {
  if constexpr (kKind < std::variant_size_v<Variant>) {
    if (kind != kKind) return unpack_kind<Variant, kKind + 1>(reader, kind, what);
    std::variant_alternative_t<kKind, Variant> message;
    if (!get(reader, message) || !reader.finished()) return garbled(what);
    return Variant(std::move(message));
  } else {
    return garbled(what);
  }
}

}  // namespace

Slice pack(const MemberMessage& message) { return pack_kind(message); }
Slice pack(const CoordinatorMessage& message) { return pack_kind(message); }
Slice pack(const AskMessage& message) { return pack_plain(message); }
Slice pack(const GiveMessage& message) { return pack_plain(message); }

Outcome<MemberMessage> unpack_member(const Slice& bytes) {
  Reader reader(bytes.bytes);
  const std::size_t kind = reader.get<std::uint8_t>();
  return unpack_kind<MemberMessage>(reader, kind, "to the coordinator");
}

Outcome<CoordinatorMessage> unpack_coordinator(const Slice& bytes) {
  Reader reader(bytes.bytes);
  const std::size_t kind = reader.get<std::uint8_t>();
  return unpack_kind<CoordinatorMessage>(reader, kind, "of the coordinator");
}

Outcome<AskMessage> unpack_ask(const Slice& bytes) {
  return unpack_plain<AskMessage>(bytes, "that asks for what was missed");
}

Outcome<GiveMessage> unpack_give(const Slice& bytes) {
  return unpack_plain<GiveMessage>(bytes, "that offers what was missed");
}

}  // namespace strait
