// Quantities as people write them in scenarios, CSV files and options: "80ms", "20mbit", "1.5GiB".
//
// Decimal text becomes integers without floating point, so the same text is the same number on
// every host; what does not come out whole ("1.3GiB") is rounded to the nearest integer, half up.
// Blanks around the text and between number and unit are allowed. A missing unit is an error,
// except for a plain 0.
//
//   duration  ns us ms s m h d                           80ms, 1.5s
//   rate      bit kbit mbit gbit tbit, with or without   20mbit, 2.5Gbit/s
//             "/s", any case; bytes need a capital B:
//             B/s kB/s MB/s GB/s TB/s KiB/s MiB/s GiB/s  4GB/s
//             inf                                        inf (kUnlimited)
//   bytes     B kB MB GB TB KiB MiB GiB TiB, any case    1.5GiB
//   fraction  0 to 1, or percent                         0.02, 2%
//   speed     x, from 0.001x to 1000x                    0.5x
//
// Pure functions; any thread.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "core/base/units.h"

namespace strait {

/// what() quotes the text, says what is wrong with it and shows a right one, for example
/// "'20 bananas' is not a rate; write e.g. 20mbit". The caller puts file and line, or the key,
/// before it and throws a UserError.
class BadQuantity : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

Nanos parse_duration(std::string_view text);
BytesPerSecond parse_rate(std::string_view text);
Bytes parse_bytes(std::string_view text);
double parse_fraction(std::string_view text);

/// How many times as fast, in parts per million.
std::int64_t parse_speed(std::string_view text);

/// Exact and short; the parsers give the same value back. Negative values get a sign (which the
/// parsers refuse). kNever is "never".
std::string format_duration(Nanos duration);
std::string format_rate(BytesPerSecond rate);  // in bits per second
std::string format_bytes(Bytes bytes);
std::string format_speed(std::int64_t ppm);

}  // namespace strait
