#include "core/base/trace.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "core/base/check.h"

namespace strait {

namespace {

bool is_progress(const TraceRecord& record) {
  switch (record.kind) {
    case TraceKind::kComputeStart:
    case TraceKind::kIslandWakes:
    case TraceKind::kMessage:
    case TraceKind::kRound:
    case TraceKind::kIslandKilled:
    case TraceKind::kIslandJoined: return true;
    case TraceKind::kLinkDown:
    case TraceKind::kLinkUp: return record.b == 0;  // those that are drawn never end
    case TraceKind::kArrived: return record.c >= Trace::kWeightyArrival;
    default: return false;
  }
}

}  // namespace

Trace::Trace() : state_(XXH3_createState()) {
  STRAIT_CHECK(state_ != nullptr, "no memory for the trace");
  XXH3_64bits_reset(static_cast<XXH3_state_t*>(state_));
}

Trace::~Trace() { XXH3_freeState(static_cast<XXH3_state_t*>(state_)); }

void Trace::add(const TraceRecord& record) {
  // Fixed layout, so that no padding byte reaches the hash.
  const std::array<std::int64_t, 5> words{
      record.time.count(), static_cast<std::int64_t>(record.kind), record.a, record.b, record.c};
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state_), words.data(), sizeof(words));
  ++records_;
  if (is_progress(record)) ++progress_;
  if (listener_) listener_(record);
}

std::uint64_t Trace::hash() const {
  return XXH3_64bits_digest(static_cast<const XXH3_state_t*>(state_));
}

std::string_view name_of(const TraceRecord& record) {
  switch (record.kind) {
    case TraceKind::kComputeStart: return "compute";
    case TraceKind::kIslandWakes: return "wake";
    case TraceKind::kOffered: return "offered";
    case TraceKind::kDeparted: return "departed";
    case TraceKind::kArrived: return "arrived";
    case TraceKind::kMessage: return "message";
    case TraceKind::kLinkDown: return "link_down";
    case TraceKind::kLinkUp: return "link_up";
    case TraceKind::kRound: return record.c == 1 ? "commit" : "abort";
    case TraceKind::kLinkChanged: return "link_changed";
    case TraceKind::kIslandKilled: return "island_killed";
    case TraceKind::kIslandLeft: return "island_left";
    case TraceKind::kIslandJoined: return "island_joined";
    case TraceKind::kIslandSilent: return "island_silent";
    case TraceKind::kSuspect: return "suspect";
    case TraceKind::kExpelled: return "expelled";
    case TraceKind::kMissed: return "missed";
    case TraceKind::kCaughtUp: return "caught_up";
  }
  return "unknown";
}

std::string hex(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace strait
