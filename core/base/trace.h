// The event log's hash: two runs did the same things at the same times if their hashes are equal.
//
// Only integers go in (times, peers, bytes), so the hash is the same on every host, compiler and
// optimization level. It belongs to the loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/units.h"

namespace strait {

/// What happened. The numbers are part of the hash: append, never renumber.
enum class TraceKind : std::uint32_t {
  kComputeStart = 1,   // a = island, b = announced nanoseconds
  kIslandWakes = 2,    // a = island
  kOffered = 3,        // a = from peer, b = to peer, c = bytes
  kDeparted = 4,       // likewise
  kArrived = 5,        // likewise
  kMessage = 6,        // a message was completely received: a = from, b = to, c = bytes
  kLinkDown = 7,       // a = link, b = 1 if it was drawn at random
  kLinkUp = 8,         // likewise
  kRound = 9,          // a = round, b = epoch, c = 1 commit, 0 abort
  kLinkChanged = 10,   // a = link, b = 0 rate, 1 delay, 2 loss, c = its value
  kIslandKilled = 11,  // a = island
  kIslandLeft = 12,    // a = island
  kIslandJoined = 13,  // a = island: started later, or anew
  kIslandSilent = 14,  // a = island: from now on nothing goes through to it or from it
  kSuspect = 15,       // a = island
  kExpelled = 16,      // a = island
  kMissed = 17,        // a = island, b = round
  kCaughtUp = 18,      // a = island, b = from round, c = to round
};

struct TraceRecord {
  Nanos time{0};
  TraceKind kind{};
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t c = 0;
};

/// "commit" and "abort" for kRound are told apart by its c. For people and CSV files.
std::string_view name_of(const TraceRecord& record);

class Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void add(const TraceRecord& record);
  std::uint64_t hash() const;
  std::int64_t records() const { return records_; }

  /// How many records told of something that brings a run forward: islands that compute, wake,
  /// die or come, messages, rounds, links that go down or up, and arrivals of kWeightyArrival
  /// bytes (one message may take hours). Not the bytes of control chatter, which never ends.
  std::int64_t progress() const { return progress_; }
  static constexpr std::int64_t kWeightyArrival = 4096;

  /// Also hands every record to `listener` (to write the log of a failing seed, say).
  void listen(std::function<void(const TraceRecord&)> listener) { listener_ = std::move(listener); }

 private:
  void* state_;  // XXH3 streaming state; the library's header stays in trace.cc
  std::int64_t records_ = 0;
  std::int64_t progress_ = 0;
  std::function<void(const TraceRecord&)> listener_;
};

/// 16 lower-case hexadecimal digits.
std::string hex(std::uint64_t hash);

}  // namespace strait
