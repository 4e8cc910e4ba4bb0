#include "netsim/playback.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

LinkPlayback::LinkPlayback(const NetworkDescription& description) {
  KeyedHeap::Key key = 0;
  for (const LinkTrace& trace : description.traces) {
    const bool once = trace.period == Nanos{0};
    STRAIT_CHECK(!trace.rows.empty() && (once || trace.rows.back().time < trace.period),
                 "a trace of link {} has {} rows and a period of {} ns", trace.link,
                 trace.rows.size(), trace.period.count());
    traces_.push_back({.trace = trace, .repetition = trace.start});
    times_.set(key++, traces_.back().next());
  }
  for (const LinkOutages& outages : description.outages) {
    OutageGenerator generator(description.seed, outages);
    const OutageGenerator::Toggle first = generator.next();
    outages_.push_back({outages.links, generator, first});
    times_.set(key++, first.time);
  }
  for (const LinkBackground& background : description.background) {
    const std::string& link = description.links[static_cast<std::size_t>(background.link)].name;
    background_.push_back(
        {background, Rng(description.seed, "background " + link), background.start});
    background_.back().move_on();
    times_.set(key++, background_.back().next);
  }
}

LinkChange LinkPlayback::take() {
  STRAIT_CHECK(!times_.empty(), "there is nothing to play");
  const KeyedHeap::Key key = times_.top().key;
  if (key < traces_.size()) {
    LinkChange change = traces_[key].take();
    times_.set(key, traces_[key].next());
    return change;
  }
  const std::size_t place = key - traces_.size();
  if (place >= outages_.size()) {
    Background& background = background_[place - outages_.size()];
    LinkChange change = background.take();
    times_.set(key, background.next);
    return change;
  }
  Outages& outages = outages_[place];
  LinkChange change{.time = outages.next.time, .links = outages.links, .up = outages.next.up};
  outages.next = outages.generator.next();
  times_.set(key, outages.next.time);
  return change;
}

void LinkPlayback::Background::move_on() {
  const Nanos between = transfer_time(what.transfer, what.load);
  const Nanos wait = draw_exponential(rng, between);
  next = next >= kNever - wait ? kNever : next + wait;
}

LinkChange LinkPlayback::Background::take() {
  // An exponential size: what is drawn is a number, whatever it counts.
  const Bytes size = draw_exponential(rng, Nanos{what.transfer}).count();
  LinkChange change{.time = next, .links = {what.link}, .transfer = std::max<Bytes>(1, size)};
  move_on();
  return change;
}

LinkChange LinkPlayback::Trace::take() {
  const LinkTrace::Row& now = trace.rows[row];
  LinkChange change{.time = next(),
                    .links = {trace.link},
                    .rate = now.rate,
                    .delay = now.delay,
                    .loss_ppm = now.loss_ppm};
  if (++row == trace.rows.size() && trace.period > Nanos{0}) {
    row = 0;
    repetition += trace.period;
  }
  return change;
}

}  // namespace strait
