// What happens to links and to the ends of connections: the part of TcpLinks that changes the world
// its trains move in.
#include <algorithm>

#include "core/base/check.h"
#include "core/base/wide.h"
#include "netsim/tcp_links.h"

namespace strait {
namespace {

constexpr std::int64_t kCentury = 3'155'760'000 * kNanosPerSecond;

}  // namespace

void TcpLinks::set_silent(const Connection& connection, bool silent, Nanos now) {
  move_to(now);
  for (const FlowId flow : {connection.forward, connection.backward}) {
    state(flow).silent += silent ? 1 : -1;
  }
}

void TcpLinks::set_up(LinkId id, bool up, Nanos now) {
  move_to(now);
  STRAIT_CHECK(link(id).up != up, "link {} is {} already", index_of(id), up ? "up" : "down");
  link(id).up = up;
}

void TcpLinks::set_rate(LinkId id, BytesPerSecond rate, Nanos now) {
  move_to(now);
  Link& changed = link(id);
  const BytesPerSecond before = changed.queue.rate();
  changed.counters.busy = busy(changed);
  changed.at_this_rate = 0;
  changed.queue.set_rate(rate, now);
  changed.ack_time = transfer_time(options_.ack, rate);
  if (before == kUnlimited || before == rate) return;
  // What waits leaves faster or slower than it was told.
  const Nanos way = std::max(Nanos{0}, changed.delay + changed.jitter.at(now));
  const auto scaled = [&](Nanos arrives) {
    const Nanos wait = arrives - way - now;
    if (wait <= Nanos{0}) return arrives;
    if (rate == kUnlimited) return now + way;
    // A link that hardly moves (a trace that stands still) takes a century at most: no overflow.
    const Wide longer = std::min<Wide>(Wide{wait.count()} * before.value / rate.value, kCentury);
    return now + Nanos{static_cast<std::int64_t>(longer)} + way;
  };
  timetable_.move(from(id), [&](std::uint32_t moved, Nanos time) {
    Train& train = trains_[moved];
    if (train.hop == 0 || train.on != id) return time;
    train.passing.first = scaled(train.passing.first);
    train.passing.last = scaled(train.passing.last);
    return std::max(now, train.passing.first);
  });
  for (Flow& flow : flows_) {
    if (!flow.in_use) continue;
    for (std::size_t hop = 0; hop < flow.link_count; ++hop) {
      if (flow.links[hop] != id) continue;
      flow.order[hop] = scaled(flow.order[hop]);
      state(flow.other).ack_order[hop] = scaled(state(flow.other).ack_order[hop]);
    }
  }
}

void TcpLinks::set_delay(LinkId id, Nanos delay, Nanos now) {
  move_to(now);
  link(id).delay = delay;
}

void TcpLinks::set_loss(LinkId id, std::int64_t ppm, Nanos now) {
  move_to(now);
  link(id).loss = LossOdds(ppm);
  ++link(id).loss_version;
}

}  // namespace strait
