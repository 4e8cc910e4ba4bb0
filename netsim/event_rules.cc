#include "netsim/event_rules.h"

#include <fmt/format.h>

#include <utility>

namespace strait {

EventRules::EventRules(const NetworkDescription& network)
    : network_(network), links_(network.links.size()) {
  for (const IslandSpec& spec : network.islands) islands_.push_back({.start = spec.start});
}

// --- links ---

void EventRules::goes_down(const CsvRow& row, Nanos time, int index) {
  Link& state = link(index);
  if (state.outages_since) {
    row.refuse("subject",
               fmt::format("link {} {}, since {}; a link_down would contradict that", name(index),
                           state.outages(), format_duration(*state.outages_since)));
  }
  if (state.down_since) {
    row.refuse("subject", fmt::format("link {} is down already, since {}", name(index),
                                      format_duration(*state.down_since)));
  }
  state.down_since = time;
}

void EventRules::comes_up(const CsvRow& row, Nanos time, int index) {
  Link& state = link(index);
  if (!state.down_since) {
    row.refuse("subject", fmt::format("link {} is not down here; a link_up follows a link_down of "
                                      "the same subject",
                                      name(index)));
  }
  if (*state.down_since == time) {
    row.refuse("time", fmt::format("the outage of link {} ends when it begins, at {}", name(index),
                                   format_duration(time)));
  }
  state.down_since.reset();
}

void EventRules::changes(const CsvRow& row, int index) {
  const auto& since = link(index).trace_since;
  if (!since) return;
  row.refuse("subject", fmt::format("link {} follows a trace, since {}, which sets its rate and "
                                    "delay",
                                    name(index), format_duration(*since)));
}

void EventRules::changes_loss(const CsvRow& row, int index) {
  if (!link(index).trace_sets_loss) return;
  row.refuse("subject", fmt::format("link {} follows a trace, since {}, which sets its loss",
                                    name(index), format_duration(*link(index).trace_since)));
}

void EventRules::follows_trace(const CsvRow& row, Nanos time, int index, bool sets_loss) {
  Link& state = link(index);
  if (state.trace_since) {
    row.refuse("subject", fmt::format("link {} follows a trace already, since {}", name(index),
                                      format_duration(*state.trace_since)));
  }
  state.trace_since = time;
  state.trace_sets_loss = sets_loss;
}

void EventRules::has_background(const CsvRow& row, int index) {
  if (std::exchange(link(index).background, true)) {
    row.refuse("subject", fmt::format("link {} has background traffic already; keep one row of it",
                                      name(index)));
  }
}

void EventRules::has_outages(const CsvRow& row, Nanos time, int index, bool regular) {
  Link& state = link(index);
  if (state.outages_since) {
    row.refuse("subject", fmt::format("link {} {} already, since {}", name(index), state.outages(),
                                      format_duration(*state.outages_since)));
  }
  if (state.down_since) {
    row.refuse("subject", fmt::format("link {} is down, since {}; outages begin with a link that "
                                      "is up",
                                      name(index), format_duration(*state.down_since)));
  }
  state.outages_since = time;
  state.outages_regular = regular;
}

// --- islands ---

void EventRules::not_silent_for_good(const CsvRow& row, IslandId id) {
  const Island& state = island(id);
  if (state.silent_until != kNever) return;
  row.refuse("subject", fmt::format("island {} is silent for good, since {}; nothing happens to it "
                                    "any more",
                                    id, format_duration(state.silent_since)));
}

void EventRules::is_there(const CsvRow& row, Nanos time, IslandId id) {
  const Island& state = island(id);
  not_silent_for_good(row, id);
  if (time < state.start) {
    row.refuse("subject", fmt::format("island {} is not there before {}, its start", id,
                                      format_duration(state.start)));
  }
  if (!state.there) {
    row.refuse("subject", fmt::format("island {} is gone, since {}; an island_join brings it back",
                                      id, format_duration(state.gone_since)));
  }
}

void EventRules::pauses(const CsvRow& row, Nanos time, IslandId id) { is_there(row, time, id); }

void EventRules::falls_silent(const CsvRow& row, Nanos time, Nanos duration, IslandId id) {
  is_there(row, time, id);
  Island& state = island(id);
  if (time < state.silent_until) {
    row.refuse("subject", fmt::format("island {} is silent already, until {}", id,
                                      format_duration(state.silent_until)));
  }
  state.silent_since = time;
  state.silent_until = duration == Nanos{0} ? kNever : time + duration;
}

void EventRules::goes(const CsvRow& row, Nanos time, IslandId id) {
  is_there(row, time, id);
  island(id).there = false;
  island(id).gone_since = time;
}

void EventRules::joins(const CsvRow& row, Nanos time, IslandId id) {
  Island& state = island(id);
  not_silent_for_good(row, id);
  if (time < state.start) {
    row.refuse("subject", fmt::format("island {} joins at {} anyway, its start; keep one", id,
                                      format_duration(state.start)));
  }
  if (state.there) {
    row.refuse("subject", fmt::format("island {} is there; an island_join follows an island_kill "
                                      "or island_leave",
                                      id));
  }
  if (state.gone_since == time) {
    row.refuse("time", fmt::format("island {} joins when it goes, at {}; write a later time", id,
                                   format_duration(time)));
  }
  state.there = true;
}

}  // namespace strait
