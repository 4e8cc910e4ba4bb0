// An algorithm moves one exchange over a Transport: a coroutine that reads like its story.
//
// Promises of every row of the table: contributions are added as decoded (the owner's too), in
// island order (ring: in an order of its own, that of the ring), multiply then add, one rounding
// each; every receiver gets the same bits, whatever the network and the pieces. An exchange
// ends without waiting for its sends: they carry `hold`, which keeps `in` alive as long as somebody
// reads it. So a row's coroutine may be destroyed whenever it waits. Thread: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/async.h"
#include "core/comm/buffer_pool.h"
#include "core/comm/codec.h"
#include "core/comm/collective.h"
#include "core/comm/tags.h"
#include "core/comm/transport.h"

namespace strait {

/// What encoding and adding cost an island's processor: bytes / memory_rate, one after the other.
/// Charged before a piece leaves or the ticket completes.
class CodecWorker {
 public:
  CodecWorker(Loop& loop, BytesPerSecond memory_rate) : loop_(loop), rate_(memory_rate) {}

  /// The worker has worked through `bytes` more.
  Pending<Done> work(Bytes bytes);

 private:
  Loop& loop_;
  BytesPerSecond rate_;
  Nanos free_at_{0};
};

/// A range of elements, cut at block boundaries.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
};

/// Takes one piece of the mean: `codec` decodes the bytes to exactly the bits of `out` in `range`.
/// The bytes are in memory of their own, alive as long as the slice is kept; the codec lives as
/// long as the collective.
using KeepPiece = std::function<void(Range range, const Codec& codec, const Slice& bytes)>;

struct Exchange {
  ExchangeId id;
  IslandId self = 0;
  Roster roster;
  std::span<const float> in;         // this island's contribution; unused if its weight is 0
  std::shared_ptr<const void> hold;  // keeps `in` alive, also after the exchange; not null
  std::span<float> out;              // the mean
  KeepPiece keep;  // may be empty; told each piece of the mean once, in any order, all of `out`

  Transport& transport;
  const Codec& codec;         // of contributions
  const Codec& result_codec;  // of the mean
  const Codec& exact_codec;   // fp32: for keeping a mean that was never encoded
  CodecWorker& worker;
  BufferPool& buffers;
  std::int64_t piece;  // elements per message, a multiple of both codecs' blocks
};

using Algorithm = Async<Outcome<Done>> (*)(Exchange& exchange);

/// The table of algorithms. Throws UserError for an unknown name, naming the known ones.
Algorithm find_algorithm(std::string_view name);
std::vector<std::string_view> algorithm_names();

// ---------------------------------------------------------------------------------------------
// What the rows share

/// After a failure: the messages of this exchange that have not left are dropped, and what still
/// arrives of it is let go at once, so that nobody waits for memory that lies with us.
void give_up(Transport& transport, const ExchangeId& id);

/// The elements of `range`.
template <class T>
std::span<T> part(std::span<T> whole, Range range) {
  return whole.subspan(static_cast<std::size_t>(range.begin),
                       static_cast<std::size_t>(range.size()));
}

/// Shard `s` of `count` over `elements`, all but the last a multiple of `align`.
Range shard_of(std::int64_t elements, std::int64_t s, std::int64_t count, std::int64_t align);

/// The ranges of at most `piece` elements that make up `whole`.
std::vector<Range> pieces_of(Range whole, std::int64_t piece);

/// The elements of the buffer in as many shards as there are contributors, each in pieces. A shard
/// begins at a block's boundary, so blocks are the same however the buffer is cut.
std::vector<std::vector<Range>> even_shards(const Exchange& x, std::int64_t count);

/// Where `island` stands among the contributors; SIZE_MAX if it is none.
std::size_t place_of(const std::vector<Roster::Member>& contributors, IslandId island);

/// One message of the exchange on its way. Nobody waits for it: the slice owns its memory.
void send_piece(Exchange& x, IslandId to, TagPlane plane, std::size_t piece, Slice message);

using Arriving = std::vector<Pending<Outcome<Slice>>>;  // of one shard, by piece

/// How the pieces of a shard are numbered in their tags.
struct Numbers {
  std::size_t first = 0;
  std::size_t step = 1;
};

/// Asks for the pieces of a shard in `codec`. All receives are posted at the start of an exchange,
/// so that senders of large pieces have their credit early.
Arriving ask_for(Exchange& x, IslandId from, TagPlane plane, const std::vector<Range>& pieces,
                 const Codec& codec, Numbers numbers = {});

/// sum += weight * our contribution to `range`, as the others would decode it.
void add_own(Exchange& x, float weight, Range range, std::span<float> sum);

/// Floats of the pool, all 0, and what keeps them.
struct Sum {
  std::shared_ptr<std::byte> memory;
  std::span<float> values;
};
Sum take_sum(Exchange& x, Range range);

/// One piece of the mean as it travels: decoded into `out`, and kept if somebody keeps it.
void take_mean(const Exchange& x, Range range, const Slice& mean);

/// `values` as they travel: by reference to `hold`'s memory if the codec is the identity and `hold`
/// keeps them alive, else encoded into a buffer of the pool.
Slice encode(const Codec& codec, BufferPool& buffers, std::span<const float> values,
             std::shared_ptr<const void> hold);

}  // namespace strait
