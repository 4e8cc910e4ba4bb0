// Cases measured anew on this machine: its kernel's TCP between network namespaces of our own.
//
// Linux, root, /dev/net/tun. Nothing outside the namespaces is sent, set or left behind.
#pragma once

#include <vector>

#include "apps/validation/measurement.h"

namespace strait {

/// UserError with the fix if the cases cannot be measured here.
void check_measurable(const std::vector<MeasuredCase>& cases);

/// Takes as long as the transfers do. Seeds 1, 2, ... as the recorded cases had them. A repetition
/// with a late relay is made once more, and the less late one counts.
Measurement measure(const MeasuredCase& recorded, int repetitions);

}  // namespace strait
