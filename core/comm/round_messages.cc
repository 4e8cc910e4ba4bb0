#include "core/comm/round_messages.h"

#include <cmath>
#include <string_view>

#include "core/comm/transport.h"

namespace strait {

namespace {

constexpr std::uint32_t kMostMembers = 1 << 16;

Failure garbled(const char* what) {
  return {FailureKind::kMismatch, std::string("a garbled ") + what + " message"};
}

/// A reason may quote another island's; it stays a message's worth.
std::string_view brief(std::string_view why) { return why.substr(0, 2000); }

}  // namespace

Slice pack(const ReadyMessage& message) {
  return make_message(
      Writer().put(message.round).put(message.weight).put(message.shared_hash).take());
}

Outcome<ReadyMessage> unpack_ready(const Slice& bytes) {
  Reader reader(bytes.bytes);
  ReadyMessage message;
  message.round = reader.get<std::uint32_t>();
  message.weight = reader.get<double>();
  message.shared_hash = reader.get<std::uint64_t>();
  const bool possible = std::isfinite(message.weight) && message.weight >= 0;
  if (!reader.finished() || !possible) return garbled("ready");
  return message;
}

Slice pack(const RosterMessage& message) {
  Writer writer;
  writer.put(message.round).put(message.epoch);
  writer.put(static_cast<std::uint32_t>(message.roster.members.size()));
  for (const auto& member : message.roster.members) writer.put(member.island).put(member.weight);
  return make_message(writer.take());
}

Outcome<RosterMessage> unpack_roster(const Slice& bytes) {
  Reader reader(bytes.bytes);
  RosterMessage message;
  message.round = reader.get<std::uint32_t>();
  message.epoch = reader.get<std::uint32_t>();
  const auto count = reader.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && i < kMostMembers && reader.ok(); ++i) {
    Roster::Member member;
    member.island = reader.get<IslandId>();
    member.weight = reader.get<float>();
    message.roster.members.push_back(member);
  }
  IslandId before = -1;
  for (const auto& member : message.roster.members) {
    const bool possible = member.island > before && member.weight >= 0 && member.weight <= 1;
    if (!possible) return garbled("roster");
    before = member.island;
  }
  if (!reader.finished()) return garbled("roster");
  return message;
}

Slice pack(const ReportMessage& message) {
  return make_message(Writer()
                          .put(message.round)
                          .put(message.epoch)
                          .put(static_cast<std::uint8_t>(message.completed))
                          .put_text(brief(message.why))
                          .take());
}

Outcome<ReportMessage> unpack_report(const Slice& bytes) {
  Reader reader(bytes.bytes);
  ReportMessage message;
  message.round = reader.get<std::uint32_t>();
  message.epoch = reader.get<std::uint32_t>();
  message.completed = reader.get<std::uint8_t>() != 0;
  message.why = reader.get_text();
  if (!reader.finished()) return garbled("report");
  return message;
}

Slice pack(const VerdictMessage& message) {
  return make_message(Writer()
                          .put(message.round)
                          .put(message.epoch)
                          .put(static_cast<std::uint8_t>(message.commit))
                          .put_text(brief(message.why))
                          .take());
}

Outcome<VerdictMessage> unpack_verdict(const Slice& bytes) {
  Reader reader(bytes.bytes);
  VerdictMessage message;
  message.round = reader.get<std::uint32_t>();
  message.epoch = reader.get<std::uint32_t>();
  message.commit = reader.get<std::uint8_t>() != 0;
  message.why = reader.get_text();
  if (!reader.finished()) return garbled("verdict");
  return message;
}

}  // namespace strait
