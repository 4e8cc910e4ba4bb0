#include "backends/tcp/rendezvous_knock.h"

#include <utility>

#include "core/comm/wire.h"

namespace strait::rendezvous {

Knock::Knock(UvLoop& loop, const SocketAddress& at, std::uint64_t incarnation, Nanos timeout,
             Ended ended)
    : loop_(loop),
      incarnation_(incarnation),
      ended_(std::move(ended)),
      stream_(loop, SocketOptions{}, Plane::kControl),
      deadline_(loop.at(loop.now() + timeout, [this, at] {
        end(Failure{FailureKind::kTimeout, at.text() + " does not answer"});
      })) {
  stream_.connect(at, {.purpose = Preamble::Purpose::kKnock, .call = incarnation});
  stream_.listen(*this);
}

void Knock::arrived(Slice slice) {
  heard_.insert(heard_.end(), slice.bytes.begin(), slice.bytes.end());
  if (heard_.size() < sizeof incarnation_) return;
  if (Reader(heard_).get<std::uint64_t>() == incarnation_) return end(std::nullopt);
  end(Failure{FailureKind::kMismatch, stream_.other_side().text() + " is somebody else"});
}

void Knock::end(const std::optional<Failure>& failure) {
  loop_.cancel(deadline_);
  if (ended_) std::exchange(ended_, nullptr)(failure);
}

}  // namespace strait::rendezvous
