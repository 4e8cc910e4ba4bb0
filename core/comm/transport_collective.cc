#include "core/comm/transport_collective.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace strait {

namespace {

/// The hold of a contribution that its island lends: its end is the end of the lending.
struct Lent {
  Lent(const Promise<Done>& f, std::shared_ptr<const void> o) : free(f), owner(std::move(o)) {}
  ~Lent() {
    owner.reset();
    free.complete(Done{});  // posts to the loop at most
  }

  Promise<Done> free;
  std::shared_ptr<const void> owner;
};

std::unique_ptr<Codec> codec_of(const std::string& name, bool idle) {
  auto codec = make_codec(name);
  return idle ? make_idle_codec(std::move(codec)) : std::move(codec);
}

}  // namespace

bool Roster::contains(IslandId island) const {
  for (const Member& member : members) {
    if (member.island == island) return true;
  }
  return false;
}

std::vector<Roster::Member> Roster::contributors() const {
  std::vector<Member> result;
  for (const Member& member : members) {
    if (member.weight > 0) result.push_back(member);
  }
  return result;
}

float Roster::weight_of(IslandId island) const {
  for (const Member& member : members) {
    if (member.island == island) return member.weight;
  }
  return 0;
}

Roster everyone(int islands) {
  Roster roster;
  for (IslandId i = 0; i < islands; ++i) {
    roster.members.push_back({i, static_cast<float>(1.0 / islands)});
  }
  return roster;
}

TransportCollective::TransportCollective(Clock& clock, Transport& transport,
                                         const CollectiveOptions& options)
    : clock_(clock),
      transport_(transport),
      algorithm_(find_algorithm(options.algorithm)),
      codec_(codec_of(options.codec, options.idle)),
      result_codec_(codec_of(options.result_codec.empty() ? options.codec : options.result_codec,
                             options.idle)),
      exact_codec_(codec_of("fp32", options.idle)),
      worker_(transport.loop(), options.memory_rate),
      idle_(options.idle) {
  const std::int64_t block = std::lcm(codec_->block(), result_codec_->block());
  const std::int64_t wanted = options.piece_bytes / static_cast<Bytes>(sizeof(float));
  piece_ = std::max<std::int64_t>(1, wanted / block) * block;
}

/// Larger pieces than asked for, where a buffer would have more of them than tags can number. (A
/// quarter of the tags: shards and ring's numbering round up.)
std::int64_t TransportCollective::piece_of(std::size_t elements) const {
  constexpr auto kMost = static_cast<std::int64_t>(kMostPieces / 4);
  const std::int64_t block = std::lcm(codec_->block(), result_codec_->block());
  const std::int64_t least = static_cast<std::int64_t>(elements) / kMost + 1;
  return std::max(piece_, (least + block - 1) / block * block);
}

Ticket<Outcome<Done>> TransportCollective::start(const ExchangeId& id, std::span<const float> in,
                                                 std::span<float> out, const Roster& roster,
                                                 std::shared_ptr<const void> owner) {
  const Completer<Outcome<Done>> done(
      clock_, fmt::format("exchange {} of fragment {}", id.number, id.fragment));
  const auto drive = [](TransportCollective& collective, ExchangeParts parts,
                        Completer<Outcome<Done>> completer) -> Async<Done> {
    Async<Outcome<Done>> running = collective.lend(std::move(parts));
    Outcome<Done> outcome = co_await running;
    completer.complete(std::move(outcome));
    co_return Done{};
  };
  clock_.post([this, drive, done,
               parts = ExchangeParts{
                   .id = id, .in = in, .hold = std::move(owner), .out = out, .roster = roster}] {
    scope_.spawn(drive(*this, parts, done));
  });
  return done.ticket();
}

void TransportCollective::forget_before(const ExchangeId& id) {
  for (const TagPlane plane : {TagPlane::kContribution, TagPlane::kResult}) {
    transport_.cancel_below(
        make_tag({.plane = plane, .fragment = id.fragment, .round = id.number, .epoch = id.epoch}));
  }
}

/// For start(): ends when the exchange has ended and nobody reads `in` any more. `parts.hold` may
/// be null: it goes into a hold that tells when it is free.
Async<Outcome<Done>> TransportCollective::lend(ExchangeParts parts) {
  const Promise<Done> free(transport_.loop());
  Pending<Done> freed = free.pending();
  parts.hold = std::make_shared<const Lent>(free, std::move(parts.hold));
  Outcome<Done> outcome = Done{};
  {
    Async<Outcome<Done>> running = run(std::move(parts), /*started=*/true);
    outcome = co_await running;
  }
  // After a good exchange those who read `in` have mostly done so; after a bad one this waits for
  // what has left already, until it arrives or its connection is gone.
  co_await freed;
  co_return outcome;
}

/// `started` by start(): `in` has to be looked through, and `hold` keeps `out` alive as well.
Async<Outcome<Done>> TransportCollective::run(ExchangeParts parts, bool started) {
  const IslandId self = island_of(transport_.self());
  STRAIT_CHECK(parts.roster.contains(self), "island {} is in no roster of its exchange", self);
  STRAIT_CHECK(!parts.roster.contributors().empty(), "nobody contributes to exchange {}",
               parts.id.number);
  STRAIT_CHECK(parts.in.size() == parts.out.size() || parts.roster.weight_of(self) == 0,
               "contribution of {} elements, mean of {}", parts.in.size(), parts.out.size());
  STRAIT_CHECK(parts.hold != nullptr || parts.roster.weight_of(self) == 0,
               "nobody keeps the contribution of island {} alive", self);
  // Where no copies are made receivers would read the mean in `out`, for as long as they like.
  const bool in_place = started && transport_.copies() && result_codec_->is_identity();
  const auto own = std::make_shared<OwnMessages>(transport_, parts.id, parts.in, *codec_, buffers_,
                                                 /*checks=*/started && !idle_);
  Outcome<Done> outcome = Done{};
  {
    Exchange exchange{.id = parts.id,
                      .self = self,
                      .roster = std::move(parts.roster),
                      .in = parts.in,
                      .hold = std::move(parts.hold),
                      .own = own,
                      .out = parts.out,
                      .keep = std::move(parts.keep),
                      .in_place = in_place,
                      .transport = transport_,
                      .codec = *codec_,
                      .result_codec = *result_codec_,
                      .exact_codec = *exact_codec_,
                      .worker = worker_,
                      .buffers = buffers_,
                      .piece = piece_of(parts.out.size())};
    Async<Outcome<Done>> running = algorithm_(exchange);
    outcome = co_await running;
  }
  if (own->refused()) outcome = *own->refused();
  // What had arrived is let go with the algorithm's frame: it may be another island's memory, and
  // that one may be waiting for it.
  co_return outcome;
}

}  // namespace strait
