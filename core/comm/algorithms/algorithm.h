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
#include <optional>
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

/// What this island contributes, piece by piece as it travels.
class OwnMessages final : public MessageMaker {
 public:
  /// All that is named outlives the exchange's messages. `checks`: whether infinity and NaN are
  /// looked for.
  OwnMessages(Transport& transport, const ExchangeId& id, std::span<const float> in,
              const Codec& codec, const BufferPool& buffers, bool checks)
      : transport_(transport),
        id_(id),
        in_(in),
        codec_(codec),
        buffers_(buffers),
        checks_(checks) {}

  /// Encodes the floats of `raw`. The first infinity or NaN ends the whole exchange.
  Outcome<Slice> make(Slice raw) override;

  const std::optional<Failure>& refused() const { return refused_; }

 private:
  Transport& transport_;
  const ExchangeId id_;
  const std::span<const float> in_;
  const Codec& codec_;
  BufferPool buffers_;
  const bool checks_;
  std::optional<Failure> refused_;
};

struct Exchange {
  ExchangeId id;
  IslandId self = 0;
  Roster roster;
  std::span<const float> in;         // this island's contribution; unused if its weight is 0
  std::shared_ptr<const void> hold;  // keeps `in` alive, also after the exchange; not null
  std::shared_ptr<OwnMessages> own;  // `in` as it travels
  std::span<float> out;              // the mean
  KeepPiece keep;  // may be empty; told each piece of the mean once, in any order, all of `out`
  bool in_place = false;  // the mean is added up in `out`, sent from there and received there

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

/// Our contribution to `range`, as others get it.
Outcome<Slice> contribution(Exchange& x, Range range);

/// The same on its way, made when its turn comes.
void send_contribution(Exchange& x, IslandId to, std::size_t piece, Range range);

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

/// A piece as it is added up: memory that means nothing before the first contribution.
struct Sum {
  std::shared_ptr<const void> hold;  // keeps the values alive
  std::span<float> values;
  bool empty = true;

  /// Multiplied, then added; the first one to zeros.
  void add(const Codec& codec, std::span<const std::byte> contribution, float weight);
};

/// In memory of the pool; of a piece of the mean, if it may be, in `out`.
Sum take_sum(Exchange& x, Range range);
Sum take_sum_of_mean(Exchange& x, Range range);

/// Adds our contribution to `range`, as the others would decode it. Or why not.
std::optional<Failure> add_own(Exchange& x, float weight, Range range, Sum& sum);

/// One piece of the mean as it travels: decoded into `out`, and kept if somebody keeps it.
void take_mean(const Exchange& x, Range range, const Slice& mean);

/// `values` as they travel: by reference to `hold`'s memory if the codec is the identity and `hold`
/// keeps them alive, else encoded into a buffer of the pool.
Slice encode(const Codec& codec, BufferPool& buffers, std::span<const float> values,
             std::shared_ptr<const void> hold);

}  // namespace strait
