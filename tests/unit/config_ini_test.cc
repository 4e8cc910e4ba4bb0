#include "core/config/ini.h"

#include "core/base/errors.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

/// Text of the characters that mean something to the reader, and a few others.
std::string random_text(Rng& rng, std::string_view alphabet, std::size_t longest) {
  std::string text;
  for (auto left = rng.below(longest + 1); left > 0; --left) {
    text += alphabet[rng.below(alphabet.size())];
  }
  return text;
}

TEST_CASE("sections and keys keep their lines", "[config]") {
  const IniFile file = parse_ini("; first\na.b=1\n\n[s]\nk = v", "f.ini");
  REQUIRE(file.sections.size() == 1);
  CHECK(file.sections[0].name == "s");
  CHECK(file.sections[0].line == 4);
  REQUIRE(file.entries.size() == 2);
  CHECK(file.entries[0].section.empty());
  CHECK(file.entries[0].key == "a.b");
  CHECK(file.entries[0].line == 2);
  CHECK(file.entries[1].section == "s");
  CHECK(file.entries[1].value == "v");
  CHECK(file.entries[1].line == 5);
  CHECK(parse_ini("", "f.ini").entries.empty());
}

TEST_CASE("an equals sign belongs to the value once there was one", "[config]") {
  CHECK(parse_ini("k = a=b", "f").entries[0].value == "a=b");
  CHECK(parse_ini("k =\"a=\"", "f").entries[0].value == "a=");
  CHECK(parse_ini("k = ", "f").entries[0].value.empty());
}

TEST_CASE("every value without control characters can be written and read back", "[config]") {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed, "value");
    const std::string value = random_text(rng, "ab \\\"'#;=[].\xC3\xA4", 12);
    const std::string line = "k = " + quote_if_needed(value) + "  \n";
    CAPTURE(seed, line);
    const IniFile file = parse_ini(line, "f");
    REQUIRE(file.entries.size() == 1);
    CHECK(file.entries[0].value == value);
  }
}

TEST_CASE("any bytes are read or refused with a line, and nothing else happens", "[config]") {
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    Rng rng(seed, "file");
    const std::string alphabet("ab=\"'#; \t[]\\\n\r\n.\xFF\0", 19);
    try {
      parse_ini(random_text(rng, alphabet, 40), "f");
    } catch (const UserError& error) {
      ++refused;
      const std::string line = error.what();
      CAPTURE(seed, line);
      CHECK(line.find(" (f:") != std::string::npos);
    }
  }
  CHECK(refused > 100);
}

}  // namespace
}  // namespace strait
