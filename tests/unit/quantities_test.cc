#include "core/base/quantities.h"

#include <string>

#include "tests/support/catch.h"

namespace strait {
namespace {

/// What a parser says about `text`; "accepted" if it takes it.
template <class Parser>
std::string complaint(Parser parser, std::string_view text) {
  try {
    (void)parser(text);
  } catch (const BadQuantity& bad) {
    return bad.what();
  }
  return "accepted";
}

TEST_CASE("durations are read exactly", "[quantities]") {
  CHECK(parse_duration("80ms") == Nanos{80'000'000});
  CHECK(parse_duration("1.5s") == Nanos{1'500'000'000});
  CHECK(parse_duration(" 0.1 s ") == Nanos{100'000'000});
  CHECK(parse_duration(".5us") == Nanos{500});
  CHECK(parse_duration("7ns") == Nanos{7});
  CHECK(parse_duration("2m") == Nanos{120'000'000'000});
  CHECK(parse_duration("1h") == Nanos{3'600'000'000'000});
  CHECK(parse_duration("0") == Nanos{0});
  CHECK(parse_duration("0.4ns") == Nanos{0});
  CHECK(parse_duration("0.5ns") == Nanos{1});
  CHECK(parse_duration("1000000000.000000001s") == Nanos{1'000'000'000'000'000'001});
}

TEST_CASE("rates are bits per second unless a capital B says bytes", "[quantities]") {
  CHECK(parse_rate("20mbit") == megabits(20));
  CHECK(parse_rate("20Mbit/s") == megabits(20));
  CHECK(parse_rate("2.5 gbit") == megabits(2500));
  CHECK(parse_rate("8bit") == BytesPerSecond{1});
  CHECK(parse_rate("4GB/s") == BytesPerSecond{4'000'000'000});
  CHECK(parse_rate("1KiB/s") == BytesPerSecond{1024});
  CHECK(parse_rate("inf") == kUnlimited);
}

TEST_CASE("bytes know decimal and binary units", "[quantities]") {
  CHECK(parse_bytes("1.5GiB") == 1'610'612'736);
  CHECK(parse_bytes("4mib") == 4 << 20);
  CHECK(parse_bytes("64kB") == 64'000);
  CHECK(parse_bytes("1448B") == 1448);
  CHECK(parse_bytes("1.3KiB") == 1331);  // 1331.2
}

TEST_CASE("fractions are numbers up to 1 or percent", "[quantities]") {
  CHECK(parse_speed("0.5x") == 500'000);
  CHECK(parse_speed("1000 X") == 1'000'000'000);
  CHECK(parse_speed(format_speed(1'234'567)) == 1'234'567);
  CHECK(parse_fraction("2%") == 0.02);
  CHECK(parse_fraction("0.02") == 0.02);
  CHECK(parse_fraction("0.5 %") == 0.005);
  CHECK(parse_fraction("1") == 1.0);
  CHECK(parse_fraction("100%") == 1.0);
  CHECK(parse_fraction("0") == 0.0);
}

TEST_CASE("a bad quantity is quoted with what is wrong and a right one", "[quantities]") {
  CHECK(complaint(parse_rate, "20 bananas") == "'20 bananas' is not a rate; write e.g. 20mbit");
  CHECK(complaint(parse_rate, "20") == "'20' has no unit; write e.g. 20mbit");
  CHECK(complaint(parse_rate, "20mbps") == "'20mbps' is not a rate; write e.g. 20mbit");
  CHECK(complaint(parse_rate, "4GB") == "'4GB' is not a rate; write e.g. 20mbit");
  CHECK(complaint(parse_rate, "4gb/s") == "'4gb/s' is not a rate; write e.g. 20mbit");
  CHECK(complaint(parse_rate, "mbit") == "'mbit' is not a rate; write e.g. 20mbit");
  CHECK(complaint(parse_rate, ".mbit") == "'.mbit' is not a rate; write e.g. 20mbit");
  CHECK(complaint(parse_duration, "") == "'' is empty; write e.g. 80ms");
  CHECK(complaint(parse_duration, "-5ms") == "'-5ms' is negative; write e.g. 80ms");
  CHECK(complaint(parse_duration, "5MS") == "'5MS' is not a duration; write e.g. 80ms");
  CHECK(complaint(parse_duration, "1e3s") == "'1e3s' is not a duration; write e.g. 80ms");
  CHECK(complaint(parse_duration, "1.2.3s") == "'1.2.3s' is not a duration; write e.g. 80ms");
  CHECK(complaint(parse_duration, "inf") == "'inf' is not a duration; write e.g. 80ms");
  CHECK(complaint(parse_duration, "9999999999s") == "'9999999999s' is too large; write e.g. 80ms");
  CHECK(complaint(parse_bytes, "99999999999999999999999B") ==
        "'99999999999999999999999B' has too many digits; write e.g. 1.5GiB");
  CHECK(complaint(parse_bytes, "12 parsecs") ==
        "'12 parsecs' is not a number of bytes; write e.g. 1.5GiB");
  CHECK(complaint(parse_fraction, "2") ==
        "'2' is not a fraction from 0 to 1; write e.g. 0.02 or 2%");
  CHECK(complaint(parse_fraction, "101%") ==
        "'101%' is not a fraction from 0 to 1; write e.g. 0.02 or 2%");
}

TEST_CASE("what is printed is short and reads back as the same value", "[quantities]") {
  CHECK(format_duration(Nanos{80'000'000}) == "80ms");
  CHECK(format_duration(Nanos{1'234'567'891}) == "1.234567891s");
  CHECK(format_duration(Nanos{0}) == "0s");
  CHECK(format_duration(Nanos{-1500}) == "-1.5us");
  CHECK(format_duration(kNever) == "never");
  CHECK(format_rate(megabits(20)) == "20mbit");
  CHECK(format_rate(kUnlimited) == "inf");
  CHECK(format_bytes(4 << 20) == "4MiB");
  CHECK(format_bytes(1'000'000) == "1MB");
  CHECK(format_bytes(1448) == "1448B");
  CHECK(format_bytes(0) == "0B");
  for (const std::int64_t value : {std::int64_t{1}, std::int64_t{999}, std::int64_t{1'025},
                                   std::int64_t{123'456'789}, std::int64_t{1} << 50}) {
    CHECK(parse_duration(format_duration(Nanos{value})) == Nanos{value});
    CHECK(parse_rate(format_rate(BytesPerSecond{value})) == BytesPerSecond{value});
    CHECK(parse_bytes(format_bytes(value)) == value);
  }
}

}  // namespace
}  // namespace strait
