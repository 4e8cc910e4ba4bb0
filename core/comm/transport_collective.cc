#include "core/comm/transport_collective.h"

#include <fmt/format.h>

#include <numeric>

namespace strait {

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
      codec_(make_codec(options.codec)),
      result_codec_(
          make_codec(options.result_codec.empty() ? options.codec : options.result_codec)),
      worker_(transport.loop(), options.memory_rate) {
  const std::int64_t block = std::lcm(codec_->block(), result_codec_->block());
  const std::int64_t wanted = options.piece_bytes / static_cast<Bytes>(sizeof(float));
  piece_ = std::max<std::int64_t>(1, wanted / block) * block;
}

Ticket<Outcome<Done>> TransportCollective::start(const ExchangeId& id, std::span<const float> in,
                                                 std::span<float> out, const Roster& roster) {
  const Completer<Outcome<Done>> done(
      clock_, fmt::format("exchange {} of fragment {}", id.number, id.fragment));
  auto run = [this, id, in, out, roster, done]() {
    const auto drive = [](TransportCollective& self, ExchangeId i, std::span<const float> from,
                          std::span<float> to, Roster members,
                          Completer<Outcome<Done>> completer) -> Async<Done> {
      Async<Outcome<Done>> running = self.exchange(i, from, to, std::move(members));
      Outcome<Done> outcome = co_await running;
      completer.complete(std::move(outcome));
      co_return Done{};
    };
    scope_.spawn(drive(*this, id, in, out, roster, done));
  };
  clock_.post(std::move(run));
  return done.ticket();
}

Async<Outcome<Done>> TransportCollective::exchange(ExchangeId id, std::span<const float> in,
                                                   std::span<float> out, Roster roster) {
  const IslandId self = island_of(transport_.self());
  STRAIT_CHECK(roster.contains(self), "island {} is in no roster of its exchange", self);
  STRAIT_CHECK(in.size() == out.size() || roster.weight_of(self) == 0,
               "contribution of {} elements, mean of {}", in.size(), out.size());
  Exchange exchange{.id = id,
                    .self = self,
                    .roster = std::move(roster),
                    .in = in,
                    .out = out,
                    .transport = transport_,
                    .codec = *codec_,
                    .result_codec = *result_codec_,
                    .worker = worker_,
                    .buffers = buffers_,
                    .piece = piece_};
  Async<Outcome<Done>> running = algorithm_(exchange);
  Outcome<Done> outcome = co_await running;
  co_return outcome;
}

}  // namespace strait
