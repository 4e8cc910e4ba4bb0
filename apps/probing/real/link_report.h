// A measured link as text: tables for people, and the links.csv that emulates it. Pure; any thread.
#pragma once

#include <string>

#include "apps/probing/real/link_figures.h"

namespace strait {

/// "60.1 ms idle round trip at least, 60.3 ms median, 60.9 ms in nine of ten".
std::string idle_text(const IdleRoundTrips& idle);

/// The loads that were put on the link, and the link that follows from them with what was assumed.
std::string loads_table(const LinkMeasurement& measured);
std::string link_table(const LinkFigures& figures);
std::string link_notes(const LinkMeasurement& measured, const LinkFigures& figures);

/// For network.links of two islands: 0 is where the probe ran, 1 the other end.
std::string links_csv(const LinkMeasurement& measured, const LinkFigures& figures);

}  // namespace strait
