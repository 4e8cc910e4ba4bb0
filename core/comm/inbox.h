// Inbox: of one tag of one peer, what has arrived and what is asked for.
//
// Parts of a message are kept as they came, by reference; a message whose parts are neighbours in
// memory (in-process networks) is handed on without a copy, others are joined once when they are
// whole. Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/async.h"
#include "core/base/pool.h"
#include "core/comm/buffer_pool.h"
#include "core/comm/stream.h"

namespace strait {

/// By number, in memory of the pool.
template <class T>
using Pooled =
    std::map<std::uint64_t, T, std::less<>, PoolAllocator<std::pair<const std::uint64_t, T>>>;

/// One message as it arrives, in any order and from several connections.
class IncomingMessage {
 public:
  explicit IncomingMessage(std::uint64_t total) : total_(total) {}

  /// False if the part overlaps what is there, or lies beyond the end.
  bool add(std::uint64_t offset, Slice part);

  std::uint64_t total() const { return total_; }
  bool begun() const { return begun_; }
  bool complete() const { return begun_ && received_ == total_; }

  /// Where all its bytes may be put; the same memory each time. `place` if it is not null.
  std::shared_ptr<std::byte> memory(BufferPool& pool, const std::shared_ptr<std::byte>& place);

  /// Moves the whole message to memory of its own. Must be complete.
  void keep_copy(BufferPool& pool);

  /// The whole message, once. Must be complete.
  Slice take(BufferPool& pool);

  bool granted = false;  // a large one: we have said that it may come

 private:
  std::uint64_t total_;
  std::uint64_t received_ = 0;
  bool begun_ = false;
  Pooled<Slice> parts_;              // by offset, disjoint
  std::weak_ptr<std::byte> memory_;  // that was given out; parts keep it
};

struct Inbox {
  struct Asked {
    Promise<Outcome<Slice>> promise;
    Bytes length;
    Nanos since;
    std::shared_ptr<std::byte> place;  // for its bytes, if the receiver has one
  };

  std::vector<Asked, PoolAllocator<Asked>> asked;  // the oldest first; nearly always one
  Pooled<IncomingMessage> messages;                // by sequence
  std::uint64_t next = 0;                          // the sequence that is delivered next

  bool idle() const { return asked.empty() && messages.empty(); }
};

}  // namespace strait
