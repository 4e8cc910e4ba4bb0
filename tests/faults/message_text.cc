#include "tests/faults/message_text.h"

#include <fmt/format.h>

#include "core/comm/round_messages.h"
#include "core/comm/tags.h"

namespace strait {

namespace {

std::string say(const HeartbeatMessage&) { return {}; }
std::string say(const ReadyMessage& m) {
  return fmt::format("ready for round {}, weight {}", m.round, m.weight);
}
std::string say(const ReportMessage& m) {
  if (m.completed) return fmt::format("round {} epoch {} is complete", m.round, m.epoch);
  return fmt::format("round {} epoch {} {} (blames peer {}): {}", m.round, m.epoch,
                     m.gave_up ? "given up" : "broken", index_of(m.blamed), m.why);
}
std::string say(const SitOutMessage& m) { return fmt::format("sits out round {}", m.round); }
std::string say(const WhereMessage& m) { return fmt::format("where? has round {}", m.round); }
std::string say(const LeaveMessage&) { return "leaves"; }
std::string say(const SuspectMessage& m) {
  return fmt::format("suspects peer {}{}", index_of(m.peer), m.refused ? ", refused" : "");
}
std::string say(const RosterMessage& m) {
  std::string text = fmt::format("roster of round {} epoch {}:", m.round, m.epoch);
  for (const auto& member : m.roster.members) {
    text += fmt::format(" {}:{:.3g}", member.island, member.weight);
  }
  return text;
}
std::string say(const VerdictMessage& m) {
  return fmt::format("round {} epoch {} is {} {}", m.round, m.epoch,
                     m.commit ? "committed" : "aborted:", m.why);
}
std::string say(const MissedMessage& m) {
  return fmt::format("missed round {}, {} are committed", m.round, m.committed);
}
std::string say(const HereMessage& m) {
  std::string text = fmt::format("{} are committed, donors", m.committed);
  for (const IslandId donor : m.donors) text += fmt::format(" {}", donor);
  return text;
}
std::string say(const FailedMessage& m) { return "failed: " + m.why; }

template <class Message>
std::string say(const Outcome<Message>& message) {
  if (!message.ok()) return "garbled: " + message.failure().what;
  return std::visit([](const auto& m) { return say(m); }, message.value());
}

std::string ask(const Outcome<AskMessage>& ask) {
  if (!ask.ok()) return "garbled: " + ask.failure().what;
  const AskMessage& m = ask.value();
  const std::string state = m.buffers > 0 ? fmt::format(" for {} buffers", m.buffers) : "";
  return fmt::format("ask {}{}: from round {}, has {} pieces of round {}", m.number, state, m.from,
                     m.have_pieces, m.have_round);
}

std::string give(const Outcome<GiveMessage>& give) {
  if (!give.ok()) return "garbled: " + give.failure().what;
  const GiveMessage& m = give.value();
  const char* kind = m.kind == GiveMessage::Kind::kNothing ? "nothing"
                     : m.kind == GiveMessage::Kind::kMeans ? "means"
                                                           : "the state";
  return fmt::format("gives {} for ask {}: round {} to {}, {} pieces, {} skipped", kind, m.ask,
                     m.from, m.round, m.pieces.size(), m.skipped);
}

}  // namespace

std::string text_of(const FrameHeader& header, const Slice& message) {
  if (header.kind == FrameKind::kHello) return "hello";
  if (header.kind == FrameKind::kRefuse) return "refused";
  if (header.kind != FrameKind::kData || header.length != header.total) return {};
  if (header.tag == make_tag({.plane = TagPlane::kMember})) return say(unpack_member(message));
  if (header.tag == make_tag({.plane = TagPlane::kCoordinator})) {
    return say(unpack_coordinator(message));
  }
  if (header.tag == make_tag({.plane = TagPlane::kAsk})) return ask(unpack_ask(message));
  if (header.tag == make_tag({.plane = TagPlane::kGive})) return give(unpack_give(message));
  return {};
}

std::string text_of(const TraceRecord& r) {
  switch (r.kind) {
    case TraceKind::kRound:
      return fmt::format("ROUND {} epoch {} {}", r.a, r.b, r.c == 1 ? "committed" : "aborted");
    case TraceKind::kIslandKilled: return fmt::format("KILLED island {}", r.a);
    case TraceKind::kIslandJoined: return fmt::format("JOINED island {}", r.a);
    case TraceKind::kIslandLeft: return fmt::format("LEFT island {}", r.a);
    case TraceKind::kSuspect: return fmt::format("SUSPECT island {}", r.a);
    case TraceKind::kExpelled: return fmt::format("EXPELLED island {}", r.a);
    case TraceKind::kMissed: return fmt::format("MISSED island {} round {}", r.a, r.b);
    case TraceKind::kCaughtUp:
      return fmt::format("CAUGHT UP island {} from {} to {}", r.a, r.b, r.c);
    case TraceKind::kMessage: return fmt::format("  {} -> {}: {} bytes", r.a, r.b, r.c);
    default: return {};
  }
}

}  // namespace strait
