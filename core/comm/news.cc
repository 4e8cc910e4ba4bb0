#include "core/comm/news.h"

#include <tuple>
#include <utility>

#include "core/comm/tags.h"

namespace strait {

namespace {

constexpr std::size_t kNumberBytes = sizeof(std::uint64_t);

}  // namespace

NewsTeller::NewsTeller(Transport& transport) : transport_(transport) {
  transport_.watch(*this);
  transport_.serve(TagPlane::kNewsHeard, [this](PeerId, const Slice& message) { heard(message); });
}

NewsTeller::~NewsTeller() { transport_.unwatch(*this); }

void NewsTeller::tell(std::vector<std::byte> news) {
  Writer writer;
  writer.put(++last_);
  std::vector<std::byte> bytes = writer.take();
  bytes.insert(bytes.end(), news.begin(), news.end());
  waiting_.push_back({last_, make_message(std::move(bytes))});
  // Without a session it goes with the next one.
  if (transport_.connected(PeerId::kCoordinator)) send(waiting_.back());
}

void NewsTeller::send(const Item& item) {
  std::ignore = transport_.send({.to = PeerId::kCoordinator,
                                 .tag = make_tag({.plane = TagPlane::kNews}),
                                 .cause = Cause::kControl},
                                item.message);
}

void NewsTeller::session_opened(PeerId peer) {
  if (peer != PeerId::kCoordinator) return;
  for (const Item& item : waiting_) send(item);
}

void NewsTeller::session_lost(PeerId peer, const Failure& failure) {
  const bool refused = peer == PeerId::kCoordinator && failure.kind == FailureKind::kMismatch;
  if (refused && refused_) refused_(failure);
}

void NewsTeller::heard(const Slice& message) {
  Reader reader(message.bytes);
  const auto last = reader.get<std::uint64_t>();
  const bool over = reader.get<std::uint8_t>() != 0;
  if (!reader.finished()) return;
  while (!waiting_.empty() && waiting_.front().number <= last) waiting_.pop_front();
  over_ = over_ || over;
  if (changed_) changed_();
}

NewsDesk::NewsDesk(Transport& transport, Hear hear)
    : transport_(transport), hear_(std::move(hear)) {
  transport_.watch(*this);
  transport_.serve(TagPlane::kNews,
                   [this](PeerId from, const Slice& message) { heard(from, message); });
}

NewsDesk::~NewsDesk() { transport_.unwatch(*this); }

void NewsDesk::say_over() {
  over_ = true;
  for (const auto& [peer, known] : known_) {
    if (transport_.connected(peer)) confirm(peer);
  }
}

void NewsDesk::session_opened(PeerId peer) {
  Known& known = known_[peer];
  const std::uint64_t life = transport_.incarnation(peer);
  if (known.life != life) known = {.life = life};
  if (over_) confirm(peer);
}

void NewsDesk::session_lost(PeerId, const Failure&) {}

void NewsDesk::heard(PeerId from, const Slice& message) {
  if (message.bytes.size() < kNumberBytes) return;
  Reader reader(message.bytes.first(kNumberBytes));
  const auto number = reader.get<std::uint64_t>();
  Known& known = known_[from];
  if (number > known.last) {
    known.last = number;
    hear_(island_of(from), message.bytes.subspan(kNumberBytes));
  }
  confirm(from);
}

void NewsDesk::confirm(PeerId to) {
  Writer writer;
  writer.put(known_[to].last).put(std::uint8_t{over_});
  std::ignore = transport_.send(
      {.to = to, .tag = make_tag({.plane = TagPlane::kNewsHeard}), .cause = Cause::kControl},
      make_message(writer.take()));
}

}  // namespace strait
