// Ledger: who sent how many bytes to whom, in which round, and why. Counted by the Transport as it
// offers bytes to a stream, so these are measured, not computed; what the emulated TCP adds
// (headers, handshakes) is netsim's own table, per physical link.
//
// Thread: written on the loop; totals may be read from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/ids.h"
#include "core/base/pool.h"
#include "core/base/units.h"

namespace strait {

enum class Cause : std::uint8_t {
  kPayload,  // contributions and means of committed rounds; of completed steps in data parallelism
  kStart,    // parameters and optimizer state handed out after pretraining
  kAborted,  // payload of rounds that were aborted
  kCatchUp,  // replay and snapshots for islands that missed rounds
  kControl,  // hello, refusal, and what islands and the coordinator say to each other
  kFraming,  // the transport's frame headers, 40 bytes each; announcements and credits are no more
};
inline constexpr std::size_t kCauses = 6;

std::string_view to_string(Cause cause);

class Ledger {
 public:
  struct Row {
    PeerId from{};
    PeerId to{};
    std::int64_t round = 0;
    Cause cause{};
    Bytes bytes = 0;

    bool same_but_bytes(const Row& other) const {
      return std::tie(from, to, round, cause) ==
             std::tie(other.from, other.to, other.round, other.cause);
    }
  };

  /// One attempt at a round.
  struct Attempt {
    std::int64_t round = 0;
    std::uint64_t epoch = 0;
    friend auto operator<=>(const Attempt&, const Attempt&) = default;
  };

  void add(PeerId from, PeerId to, std::int64_t round, Cause cause, Bytes bytes) {
    add(from, to, Attempt{round, 0}, cause, bytes);
  }
  void add(PeerId from, PeerId to, const Attempt& attempt, Cause cause, Bytes bytes);

  /// An attempt was aborted: its payload, so far and from now on, is counted as `aborted` instead.
  void abort(const Attempt& attempt);

  /// Rows before attempts of one round are put together.
  struct Entry {
    PeerId from{};
    PeerId to{};
    Attempt attempt;
    Cause cause{};
    Bytes bytes = 0;
  };

  /// What was added since the last call, as it was added; for a ledger elsewhere. Kept from the
  /// first call on.
  std::vector<Entry> take_added();

  Bytes total(Cause cause) const;
  Bytes total(Cause cause, std::int64_t round) const;
  Bytes total() const;

  /// All rows, ordered by (round, from, to, cause).
  std::vector<Row> rows() const;

 private:
  using Key = std::tuple<std::int64_t, PeerId, PeerId, Cause, std::uint64_t>;  // epoch last
  mutable std::mutex mutex_;
  std::map<Key, Bytes, std::less<>, PoolAllocator<std::pair<const Key, Bytes>>> bytes_;
  std::set<Attempt> aborted_;
  bool keeps_added_ = false;
  std::map<Key, Bytes> added_;  // since take_added()
  std::array<Bytes, kCauses> totals_{};
};

}  // namespace strait
