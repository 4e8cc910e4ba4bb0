// TransportCollective: a Collective made of an algorithm, a codec and a Transport.
//
// Exchanges run on the loop; codecs and adding take time there (memory_rate) as they would on the
// island's processor. An exchange that fails drops what it has not sent. Destroy it after the last
// ticket, or with the run.
#pragma once

#include <memory>
#include <string>

#include "core/comm/algorithms/algorithm.h"
#include "core/comm/collective.h"

namespace strait {

struct CollectiveOptions {
  std::string algorithm = "two_phase";
  std::string codec = "fp32";
  /// How the mean travels back; empty: like the contributions.
  std::string result_codec;
  /// Bytes of fp32 per message: small enough to pipeline, large enough that headers vanish.
  Bytes piece_bytes = 256 * 1024;
  /// What encoding, decoding and adding cost on the virtual clock.
  BytesPerSecond memory_rate{4'000'000'000};
  /// Values mean nothing: what is done to them takes its virtual time, and is not done.
  bool idle = false;
};

/// One exchange, for TransportCollective::exchange.
struct ExchangeParts {
  ExchangeId id;
  std::span<const float> in;         // finite; unused if this island's weight is 0
  std::shared_ptr<const void> hold;  // keeps `in` alive as long as somebody reads it; not null
  std::span<float> out;              // the caller's until the exchange has ended
  Roster roster;
  KeepPiece keep = {};  // told each piece of the mean as it comes, also of one that then fails
};

class TransportCollective final : public Collective {
 public:
  /// `clock` is the island's, all else lives on the loop and outlives this object.
  TransportCollective(Clock& clock, Transport& transport, const CollectiveOptions& options);

  Ticket<Outcome<Done>> start(const ExchangeId& id, std::span<const float> in, std::span<float> out,
                              const Roster& roster,
                              std::shared_ptr<const void> owner = {}) override;

  /// The exchange is over for all, whoever is missing: if it still runs, it fails soon with
  /// kCancelled. On the loop.
  void cancel(const ExchangeId& id) { give_up(transport_, id); }

  /// No exchange of this fragment before this one is wanted any more: what comes of them is let go
  /// at once, since its sender may wait for the memory. On the loop.
  void forget_before(const ExchangeId& id);

  /// The same on the loop, for Rounds. Ends without waiting for those who still read `in`: `hold`
  /// keeps it alive for them. Does not look for infinity or NaN.
  Async<Outcome<Done>> exchange(ExchangeParts parts) {
    return run(std::move(parts), /*started=*/false);
  }

 private:
  Async<Outcome<Done>> lend(ExchangeParts parts);
  Async<Outcome<Done>> run(ExchangeParts parts, bool started);
  std::int64_t piece_of(std::size_t elements) const;

  Clock& clock_;
  Transport& transport_;
  Algorithm algorithm_;
  std::unique_ptr<Codec> codec_;
  std::unique_ptr<Codec> result_codec_;
  std::unique_ptr<Codec> exact_codec_;
  CodecWorker worker_;
  BufferPool buffers_;
  std::int64_t piece_;  // elements; see piece_of
  const bool idle_;
  Scope scope_;
};

}  // namespace strait
