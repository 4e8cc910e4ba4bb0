#include "core/comm/connection.h"

#include <algorithm>
#include <cstring>

namespace strait {

Connection::Connection(ConnectionEvents& events, std::unique_ptr<Stream> stream, PeerId p,
                       Plane use, State initial)
    : peer(p), plane(use), state(initial), events_(events), stream_(std::move(stream)) {
  stream_->listen(*this);
}

void Connection::arrived(Slice slice) {
  // Each frame may change the state.
  while (!slice.bytes.empty() && (state == State::kStranger || state == State::kOpen)) {
    slice = header_ ? read_body(std::move(slice)) : read_header(std::move(slice));
  }
}

std::span<std::byte> Connection::place() {
  if (!header_ || memory_ == nullptr) return {};
  return {memory_.get() + header_->offset + body_read_, header_->length - body_read_};
}

void Connection::writable() {
  if (state == State::kOpen) events_.writable(*this);
}

void Connection::closed(Failure failure) {
  if (state != State::kGone) events_.lost(*this, failure);
}

Slice Connection::read_header(Slice slice) {
  const auto count = std::min(header_bytes_.size() - header_filled_, slice.bytes.size());
  std::memcpy(header_bytes_.data() + header_filled_, slice.bytes.data(), count);
  header_filled_ += count;
  if (header_filled_ == header_bytes_.size()) begin_frame(/*lent=*/slice.hold == nullptr);
  return slice.part(count, slice.bytes.size() - count);
}

bool Connection::may_come(const FrameHeader& header) const {
  return (header.kind == FrameKind::kHello) == (state == State::kStranger);
}

/// `lent`: what comes lies in memory that is not handed over.
void Connection::begin_frame(bool lent) {
  header_filled_ = 0;
  body_read_ = 0;
  memory_ = nullptr;
  const auto header = unpack(header_bytes_);
  if (!header || !may_come(*header)) {
    events_.lost(*this, {FailureKind::kMismatch, "what it sends is not Strait's protocol"});
  } else if (is_signal(header->kind)) {
    events_.signalled(*this, *header);
  } else if (header->kind == FrameKind::kData && header->length == 0) {
    events_.part_arrived(*this, *header, 0, Slice{});
  } else {
    header_ = header;
    if (lent && header->kind == FrameKind::kData) memory_ = events_.memory_for(*this, *header);
  }
}

/// To where the message is put together, unless the stream has read it to there.
Slice Connection::put_in_place(Slice part) {
  std::byte* const to = place().data();
  if (part.bytes.data() != to) std::memcpy(to, part.bytes.data(), part.bytes.size());
  return {{to, part.bytes.size()}, memory_};
}

Slice Connection::read_body(Slice slice) {
  const auto count = std::min<std::uint64_t>(header_->length - body_read_, slice.bytes.size());
  const FrameHeader header = *header_;
  const std::uint64_t offset = header.offset + body_read_;
  Slice rest = slice.part(count, slice.bytes.size() - count);
  Slice part = slice.part(0, count);
  slice = {};
  if (memory_ != nullptr) part = put_in_place(std::move(part));
  body_read_ += count;
  const bool last = body_read_ == header.length;
  if (last) {
    header_.reset();
    memory_ = nullptr;
  }
  if (header.kind == FrameKind::kData) {
    // Memory that was only lent, and nobody wanted the message: there is nothing to hand on.
    if (part.hold != nullptr) events_.part_arrived(*this, header, offset, std::move(part));
  } else {
    greeting_.insert(greeting_.end(), part.bytes.begin(), part.bytes.end());
    if (last) end_frame(header.kind);
  }
  return rest;
}

void Connection::end_frame(FrameKind kind) {
  const std::vector<std::byte> greeting = std::move(greeting_);
  greeting_.clear();
  if (kind == FrameKind::kHello) return events_.greeted(*this, greeting);
  Reader reader(greeting);
  events_.lost(*this, {FailureKind::kMismatch, reader.get_text()});
}

}  // namespace strait
