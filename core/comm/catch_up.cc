#include "core/comm/catch_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/comm/tags.h"

namespace strait {

namespace {

constexpr Nanos kAskAgain{1'000'000'000};

Tag control_tag(TagPlane plane) { return make_tag({.plane = plane}); }

Tag piece_tag(std::uint32_t ask, std::size_t piece) {
  return make_tag({.plane = TagPlane::kCatchUp, .round = ask, .piece = piece});
}

std::uint8_t number_of(const Codec& codec) {
  const auto names = codec_names();
  const auto found = std::find(names.begin(), names.end(), codec.name());
  STRAIT_CHECK(found != names.end(), "codec {} is in no table", codec.name());
  return static_cast<std::uint8_t>(found - names.begin());
}

void sleep(Loop& loop, Nanos time, const Promise<Done>& woken) {
  loop.at(loop.now() + time, [woken] { woken.complete(Done{}); });
}

}  // namespace

void KeptMean::sort() {
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
}

Bytes KeptMean::bytes() const {
  Bytes sum = 0;
  for (const Piece& piece : pieces) sum += piece.bytes.size();
  return sum;
}

std::vector<float> KeptMean::decoded() const {
  std::vector<float> values(pieces.empty() ? 0 : static_cast<std::size_t>(pieces.back().end));
  for (const Piece& piece : pieces) {
    const auto begin = static_cast<std::size_t>(piece.begin);
    piece.codec->decode(piece.bytes.bytes, std::span(values).subspan(
                                               begin, static_cast<std::size_t>(piece.end) - begin));
  }
  return values;
}

CatchUp::CatchUp(Transport& transport, CatchUpOptions options)
    : transport_(transport), options_(options), alive_(std::make_shared<CatchUp*>(this)) {
  transport_.serve(TagPlane::kAsk,
                   [this](PeerId from, const Slice& message) { on_ask(from, message); });
  transport_.serve(TagPlane::kGive, [this](PeerId from, const Slice& message) {
    Outcome<GiveMessage> offer = unpack_give(message);
    if (!fetching_ || fetching_->donor != from || fetching_->offer.completed()) return;
    if (offer.ok() && offer.value().ask != fetching_->ask) return;  // of an earlier ask
    fetching_->offer.complete(std::move(offer));
  });
  transport_.watch(*this);
}

CatchUp::~CatchUp() {
  *alive_ = nullptr;
  transport_.unwatch(*this);
}

// ---------------------------------------------------------------------------------------------
// The donor

void CatchUp::keep(KeptMean mean) {
  kept_.push_back(std::move(mean));
  while (static_cast<int>(kept_.size()) > options_.keep) kept_.pop_front();
}

void CatchUp::state_is(std::uint32_t round) {
  state_round_ = round;
  for (const auto& [to, ask] : std::exchange(deferred_, {})) answer(to, ask);
}

void CatchUp::on_ask(PeerId from, const Slice& message) {
  const Outcome<AskMessage> ask = unpack_ask(message);
  if (!ask.ok()) return transport_.drop(from, ask.failure());
  // While the state changes there is nothing that we could say; it does not take long.
  if (copy_ && !state_round_) return deferred_.push_back({from, ask.value()});
  answer(from, ask.value());
}

const KeptMean* CatchUp::kept(std::uint32_t round) const {
  for (const KeptMean& mean : kept_) {
    if (mean.round == round) return &mean;
  }
  return nullptr;
}

bool CatchUp::has_means(std::uint32_t from, std::uint32_t to) const {
  for (std::uint32_t round = from + 1; round <= to; ++round) {
    if (kept(round) == nullptr) return false;
  }
  return true;
}

void CatchUp::answer(PeerId to, const AskMessage& ask) {
  // Who has committed nothing has nothing to give.
  if (!copy_ || !state_round_ || *state_round_ <= ask.from) {
    return give(to, ask, {.round = state_round_.value_or(0)}, {});
  }
  if (ask.buffers > 0 || !has_means(ask.from, *state_round_)) return give_state(to, ask);
  // A copy of the state is the parameters and, usually, one buffer of the outer optimizer.
  Bytes means = 0, floats = 0;
  std::size_t pieces = 0;
  for (std::uint32_t round = ask.from + 1; round <= *state_round_; ++round) {
    means += kept(round)->bytes();
    pieces += kept(round)->pieces.size();
    floats = kept(round)->pieces.empty() ? 0 : kept(round)->pieces.back().end;
  }
  const bool smaller = means <= 2 * floats * static_cast<Bytes>(sizeof(float));
  if (smaller && pieces <= kMostPieces) return give_means(to, ask);
  give_state(to, ask);
}

void CatchUp::give_means(PeerId to, const AskMessage& ask) {
  GiveMessage offer{.kind = GiveMessage::Kind::kMeans, .from = ask.from, .round = *state_round_};
  std::vector<Slice> pieces;
  for (std::uint32_t round = ask.from + 1; round <= *state_round_; ++round) {
    for (const KeptMean::Piece& piece : kept(round)->pieces) {
      offer.pieces.push_back({.buffer = round - ask.from - 1,
                              .begin = piece.begin,
                              .end = piece.end,
                              .bytes = piece.bytes.size(),
                              .codec = number_of(*piece.codec)});
      pieces.push_back(piece.bytes);
    }
  }
  give(to, ask, std::move(offer), pieces);
}

void CatchUp::give_state(PeerId to, const AskMessage& ask) {
  SharedState copied = copy_();
  if (ask.buffers > 0 && ask.buffers < copied.buffers.size()) copied.buffers.resize(ask.buffers);
  const auto state = std::make_shared<const SharedState>(std::move(copied));
  std::int64_t total = 0;
  for (const auto& buffer : state->buffers) total += std::ssize(buffer);
  // Small enough for another donor to go on, few enough for the tags.
  const std::int64_t least = total / static_cast<std::int64_t>(kMostPieces / 2) + 1;
  const std::int64_t step =
      std::max(options_.piece_bytes / static_cast<Bytes>(sizeof(float)), least);
  GiveMessage offer{.kind = GiveMessage::Kind::kState, .from = ask.from, .round = *state_round_};
  std::vector<Slice> pieces;
  for (std::uint32_t b = 0; b < state->buffers.size(); ++b) {
    const std::span<const float> buffer = state->buffers[b];
    for (std::int64_t at = 0; at < std::ssize(buffer); at += step) {
      const std::int64_t end = std::min(at + step, static_cast<std::int64_t>(buffer.size()));
      const auto bytes = std::as_bytes(
          buffer.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(end - at)));
      offer.pieces.push_back(
          {.buffer = b, .begin = at, .end = end, .bytes = static_cast<Bytes>(bytes.size())});
      pieces.push_back({bytes, state});
    }
  }
  give(to, ask, std::move(offer), pieces);
}

void CatchUp::give(PeerId to, const AskMessage& ask, GiveMessage offer,
                   const std::vector<Slice>& pieces) {
  offer.ask = ask.number;
  const bool goes_on = ask.have == offer.kind && ask.have_round == offer.round;
  if (goes_on) {
    offer.skipped = std::min(ask.have_pieces, static_cast<std::uint32_t>(pieces.size()));
  }
  std::ignore = transport_.send({.to = to,
                                 .tag = control_tag(TagPlane::kGive),
                                 .cause = Cause::kCatchUp,
                                 .round = offer.round},
                                pack(offer));
  for (std::size_t p = offer.skipped; p < pieces.size(); ++p) {
    std::ignore = transport_.send(
        {.to = to, .tag = piece_tag(ask.number, p), .cause = Cause::kCatchUp, .round = offer.round},
        pieces[p]);
  }
}

// ---------------------------------------------------------------------------------------------
// The asker

Async<Outcome<CaughtUp>> CatchUp::run(std::uint32_t from) {
  Haul haul;
  from_ = from;
  while (true) {
    if (failed_) co_return *failed_;
    Async<HereMessage> asking = where();
    const HereMessage here = co_await asking;
    if (failed_) co_return *failed_;
    if (here.committed <= from) {
      co_return CaughtUp{.from = from, .round = from, .means = {}, .state = {}};
    }
    const std::vector<PeerId> donors = in_turn(here.donors);
    for (const PeerId donor : donors) {
      Async<Outcome<Done>> fetching = fetch(donor, {.from = from}, haul);
      const Outcome<Done> fetched = co_await fetching;
      fetching_.reset();
      if (fetched.ok()) co_return unpack(from, std::move(haul));
      if (failed_) co_return *failed_;
    }
    const Promise<Done> woken(transport_.loop());
    sleep(transport_.loop(), kAskAgain, woken);
    Pending<Done> later = woken.pending();
    co_await later;
  }
}

Async<Outcome<StateCopy>> CatchUp::copy(std::vector<PeerId> donors, std::uint32_t from,
                                        std::uint32_t buffers) {
  Haul haul;
  Failure why{FailureKind::kAborted, "nobody has it"};
  reachable_first(donors);
  for (const PeerId donor : donors) {
    Async<Outcome<Done>> fetching = fetch(donor, {.from = from, .buffers = buffers}, haul);
    const Outcome<Done> fetched = co_await fetching;
    fetching_.reset();
    if (!fetched.ok()) {
      why = fetched.failure();
      continue;
    }
    Outcome<CaughtUp> got = unpack(from, std::exchange(haul, {}));
    if (got.ok() && got.value().state) {
      CaughtUp all = std::move(got).value();
      co_return StateCopy{all.round, *std::move(all.state)};
    }
    why = {FailureKind::kMismatch, "a donor has given something else"};
  }
  co_return why;
}

/// Who has to dial us first may take seconds to find out that we are there.
void CatchUp::reachable_first(std::vector<PeerId>& donors) const {
  std::stable_partition(donors.begin(), donors.end(),
                        [&](PeerId donor) { return transport_.connected(donor); });
}

/// Each asker begins with another donor.
std::vector<PeerId> CatchUp::in_turn(const std::vector<IslandId>& islands) const {
  std::vector<PeerId> donors;
  const auto self = static_cast<std::size_t>(island_of(transport_.self()));
  for (std::size_t turn = 0; turn < islands.size(); ++turn) {
    donors.push_back(peer_of(islands[(self + turn) % islands.size()]));
  }
  reachable_first(donors);
  return donors;
}

Async<HereMessage> CatchUp::where() {
  here_.emplace(transport_.loop());
  asked_ = transport_.loop().now();
  Pending<HereMessage> answer = here_->pending();
  session_opened(PeerId::kCoordinator);
  HereMessage here = co_await answer;
  here_.reset();
  co_return here;
}

std::optional<Nanos> CatchUp::asks_since() const {
  return here_ && !here_->completed() ? std::optional(asked_) : std::nullopt;
}

void CatchUp::on_here(const HereMessage& message) {
  if (here_ && !here_->completed()) here_->complete(message);
}

void CatchUp::fail(const Failure& failure) {
  failed_ = failure;
  on_here({});
  give_up_fetch(failure);
}

void CatchUp::session_opened(PeerId peer) {
  if (peer != PeerId::kCoordinator || !here_ || here_->completed()) return;
  std::ignore = transport_.send(
      {.to = PeerId::kCoordinator, .tag = control_tag(TagPlane::kMember), .cause = Cause::kControl},
      pack(MemberMessage(WhereMessage{from_})));
}

void CatchUp::session_lost(PeerId peer, const Failure& failure) {
  if (fetching_ && fetching_->donor == peer) give_up_fetch(failure);
}

void CatchUp::give_up_fetch(const Failure& why) {
  if (!fetching_) return;
  transport_.cancel_below(after_exchange({.plane = TagPlane::kCatchUp, .round = fetching_->ask}));
  if (!fetching_->offer.completed()) fetching_->offer.complete(why);
}

/// A donor that stands still is given up, however alive its connection seems.
void CatchUp::watch_donor() {
  if (!fetching_) return;
  const Nanos now = transport_.loop().now();
  const Nanos heard = std::max(fetching_->since, transport_.heard(fetching_->donor));
  if (now - heard > options_.donor_timeout) {
    const Failure why{FailureKind::kTimeout,
                      fmt::format("peer {} gives nothing any more", index_of(fetching_->donor))};
    return give_up_fetch(why);
  }
  transport_.loop().at(heard + options_.donor_timeout + Nanos{1},
                       [alive = alive_, ask = fetching_->ask] {
                         if (*alive == nullptr) return;
                         CatchUp& self = **alive;
                         if (self.fetching_ && self.fetching_->ask == ask) self.watch_donor();
                       });
}

/// One donor's part of it. `ask` says what is wanted.
Async<Outcome<Done>> CatchUp::fetch(PeerId donor, AskMessage ask, Haul& haul) {
  const std::uint32_t number = ask.number = ++asks_;
  fetching_.emplace(Fetching{.donor = donor,
                             .ask = number,
                             .since = transport_.loop().now(),
                             .offer = Promise<Outcome<GiveMessage>>(transport_.loop())});
  Pending<Outcome<GiveMessage>> coming = fetching_->offer.pending();
  watch_donor();
  ask.have = haul.offer.kind;
  ask.have_round = haul.offer.round;
  ask.have_pieces = static_cast<std::uint32_t>(haul.pieces.size());
  std::ignore = transport_.send(
      {.to = donor, .tag = control_tag(TagPlane::kAsk), .cause = Cause::kCatchUp}, pack(ask));
  Outcome<GiveMessage> given = co_await coming;
  if (!given.ok()) co_return given.failure();
  GiveMessage offer = std::move(given).value();
  if (offer.kind == GiveMessage::Kind::kNothing || offer.round <= ask.from) {
    co_return Failure{FailureKind::kAborted, "the donor has nothing that is newer"};
  }
  const bool goes_on = offer.skipped == haul.pieces.size() && offer.kind == haul.offer.kind &&
                       offer.round == haul.offer.round && offer.pieces == haul.offer.pieces;
  if (!goes_on) {
    if (offer.skipped != 0) {
      haul = {};
      co_return Failure{FailureKind::kMismatch, "the donor cuts the same rounds in other pieces"};
    }
    haul.pieces.clear();
  }
  haul.offer = std::move(offer);
  std::vector<Pending<Outcome<Slice>>> receives;
  for (std::size_t p = haul.pieces.size(); p < haul.offer.pieces.size(); ++p) {
    receives.push_back(transport_.receive(donor, piece_tag(number, p), haul.offer.pieces[p].bytes));
  }
  for (auto& receive : receives) {
    Outcome<Slice> piece = co_await receive;
    if (!piece.ok()) co_return piece.failure();
    haul.pieces.push_back(std::move(piece).value());
  }
  co_return Done{};
}

Outcome<CaughtUp> CatchUp::unpack(std::uint32_t from, Haul haul) {
  CaughtUp result{.from = from, .round = haul.offer.round, .means = {}, .state = {}};
  const bool means = haul.offer.kind == GiveMessage::Kind::kMeans;
  std::vector<std::vector<float>> buffers;
  const auto names = codec_names();
  std::vector<std::unique_ptr<Codec>> codecs;
  for (const auto name : names) codecs.push_back(make_codec(name));
  for (std::size_t p = 0; p < haul.pieces.size(); ++p) {
    const GiveMessage::Piece& piece = haul.offer.pieces[p];
    if (piece.buffer > buffers.size() || piece.codec >= codecs.size()) {
      return Failure{FailureKind::kMismatch, "a garbled offer of what was missed"};
    }
    if (piece.buffer == buffers.size()) buffers.emplace_back();
    auto& buffer = buffers[piece.buffer];
    const Codec& codec = *codecs[means ? piece.codec : number_of(*make_codec("fp32"))];
    const bool fits = piece.begin == std::ssize(buffer) &&
                      codec.encoded_size(piece.end - piece.begin) == haul.pieces[p].size();
    if (!fits) return Failure{FailureKind::kMismatch, "a garbled offer of what was missed"};
    buffer.resize(static_cast<std::size_t>(piece.end));
    codec.decode(haul.pieces[p].bytes,
                 std::span(buffer).subspan(static_cast<std::size_t>(piece.begin)));
  }
  const auto rounds = static_cast<std::size_t>(haul.offer.round - from);
  const bool whole = std::all_of(buffers.begin(), buffers.end(), [&](const auto& buffer) {
    return !means || buffer.size() == buffers.front().size();
  });
  if (!whole || (means && buffers.size() != rounds)) {
    return Failure{FailureKind::kMismatch, "a garbled offer of what was missed"};
  }
  if (means) {
    result.means = std::move(buffers);
  } else {
    result.state.emplace(SharedState{std::move(buffers)});
  }
  return result;
}

}  // namespace strait
