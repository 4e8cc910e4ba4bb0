// What went over the links of a lab, as text.
//
// Pure functions; any thread.
#pragma once

#include <string>

#include "apps/lab/lab.h"

namespace strait {

/// A row per link that carried something, and a line about the relay's lateness.
std::string lab_table(const LabReport& report);

/// A row per link, and two per host: what its interface sent (ISLAND.out) and received
/// (ISLAND.in), as the kernel counted it. Bytes with link headers in all of them, so that
/// where each host has an access link they compare: 2.out is what came to 2.up.
std::string lab_csv(const LabReport& report);

}  // namespace strait
