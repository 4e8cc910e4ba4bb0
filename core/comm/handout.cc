#include "core/comm/handout.h"

#include <cstring>

#include "core/comm/tags.h"

namespace strait {

namespace {

Tag tag_of(std::size_t buffer) { return make_tag({.plane = TagPlane::kStart, .piece = buffer}); }

Async<Done> give_all(Transport& transport, std::vector<std::span<const float>> buffers,
                     std::vector<PeerId> to, Completer<Outcome<Done>> done) {
  std::vector<Pending<Outcome<Done>>> sends;
  const auto borrowed =
      std::make_shared<const int>(0);  // the caller keeps the memory until the end
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    for (const PeerId peer : to) {
      sends.push_back(transport.send({.to = peer, .tag = tag_of(b), .cause = Cause::kStart},
                                     {std::as_bytes(buffers[b]), borrowed}));
    }
  }
  Outcome<Done> outcome = Done{};
  for (auto& send : sends) {
    Outcome<Done> sent = co_await send;
    if (outcome.ok() && !sent.ok()) outcome = sent;
  }
  done.complete(outcome);
  co_return Done{};
}

Async<Done> take_all(Transport& transport, PeerId from, std::vector<std::span<float>> buffers,
                     Completer<Outcome<Done>> done) {
  std::vector<Pending<Outcome<Slice>>> receives;
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    receives.push_back(
        transport.receive(from, tag_of(b), static_cast<Bytes>(buffers[b].size_bytes())));
  }
  Outcome<Done> outcome = Done{};
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    Outcome<Slice> arrived = co_await receives[b];
    if (!arrived.ok()) {
      outcome = arrived.failure();
      break;
    }
    const Slice slice = std::move(arrived).value();
    if (slice.size() > 0) std::memcpy(buffers[b].data(), slice.bytes.data(), slice.bytes.size());
  }
  done.complete(outcome);
  co_return Done{};
}

}  // namespace

Ticket<Outcome<Done>> Handout::give(const std::vector<std::span<const float>>& buffers,
                                    const std::vector<PeerId>& to) {
  const Completer<Outcome<Done>> done(clock_, "the hand-out of the start");
  clock_.post([this, buffers, to, done] { scope_.spawn(give_all(transport_, buffers, to, done)); });
  return done.ticket();
}

Ticket<Outcome<Done>> Handout::take(PeerId from, const std::vector<std::span<float>>& buffers) {
  const Completer<Outcome<Done>> done(clock_, "the hand-out of the start");
  clock_.post(
      [this, from, buffers, done] { scope_.spawn(take_all(transport_, from, buffers, done)); });
  return done.ticket();
}

}  // namespace strait
