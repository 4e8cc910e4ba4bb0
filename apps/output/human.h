// Numbers for people: three digits that count. What programs read is printed exactly instead
// (core/base/quantities.h, metrics.csv). Pure functions; any thread.
#pragma once

#include <string>

#include "core/base/units.h"

namespace strait {

/// "0 B", "999 B", "1.23 kB", "45.6 MB": powers of 1000, as links are rated.
std::string human_bytes(Bytes bytes);

/// "0 s", "12.3 ms", "45.6 s", "12 min 34 s", "5 h 06 min", "3 d 04 h".
std::string human_time(Nanos time);

/// "999 bit/s", "17.3 Mbit/s"; "inf" without limit.
std::string human_rate(BytesPerSecond rate);

/// "1,234,567".
std::string human_count(std::int64_t count);

}  // namespace strait
