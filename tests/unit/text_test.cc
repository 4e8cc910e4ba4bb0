#include "core/base/text.h"

#include "tests/support/catch.h"

namespace strait {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("trim takes blanks and line ends off both sides", "[text]") {
  CHECK(trim(" \t a b \r\n") == "a b");
  CHECK(trim("  ").empty());
  CHECK(trim("").empty());
}

TEST_CASE("split keeps empty parts but finds none in empty text", "[text]") {
  CHECK(split("en, de ,fr", ',') == Names{"en", "de", "fr"});
  CHECK(split("en,,fr,", ',') == Names{"en", "", "fr", ""});
  CHECK(split(" ", ',').empty());
}

TEST_CASE("join can end with another word", "[text]") {
  const Names names = {"a", "b", "c"};
  CHECK(join(names, ", ") == "a, b, c");
  CHECK(join(names, ", ", " or ") == "a, b or c");
  CHECK(join(Names{"a"}, ", ", " or ") == "a");
  CHECK(join(Names{}, ", ").empty());
}

TEST_CASE("edit distance counts each kind of mistake once", "[text]") {
  CHECK(edit_distance("rounds", "rounds") == 0);
  CHECK(edit_distance("rouds", "rounds") == 1);    // a letter is missing
  CHECK(edit_distance("roundds", "rounds") == 1);  // one too many
  CHECK(edit_distance("rownds", "rounds") == 1);   // a wrong one
  CHECK(edit_distance("ruonds", "rounds") == 1);   // two in the wrong order
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest name is the one with fewest edits, and none when all are far", "[text]") {
  const Names names = {"run.rounds", "run.seed", "inner.beta1"};
  CHECK(nearest_name("run.sede", names) == "run.seed");
  CHECK(nearest_name("run.rouns", names) == "run.rounds");
  CHECK_FALSE(nearest_name("banana", names));
  CHECK_FALSE(nearest_name("x", Names{}));
  CHECK(nearest_name("s", Names{"m", "xs"}) == "m");  // equally near: the first
  CHECK(did_you_mean("run.sede", names) == "; did you mean run.seed?");
  CHECK(did_you_mean("banana", names).empty());
}

}  // namespace
}  // namespace strait
