// What a probe found, as text for people: two tables and a verdict, or one line for a banner.
#pragma once

#include <string>

#include "apps/probing/probe.h"

namespace strait {

/// Each link, and each kind of pairs, as configured and as measured. Links that are alike share a
/// row.
std::string probed_links_table(const NetworkProbe& probe);
std::string probed_pairs_table(const NetworkProbe& probe);

/// Whether all is as configured, and if not, what is not; which pairs one connection cannot fill,
/// and why; what was not probed.
std::string probe_verdict(const NetworkProbe& probe);

/// "16 links within 0.1 % of what is configured; one TCP connection gets 17.3 Mbit/s on the
/// slowest path", for the banner of a run: by a probe of this network if that takes less than some
/// 0.2 s, else that it is too large.
std::string probe_line(const NetworkDescription& network, const EmulatedOptions& options);

}  // namespace strait
