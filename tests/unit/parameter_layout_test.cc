#include "core/train/parameter_layout.h"

#include "core/base/check.h"
#include "core/train/task.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

ParameterLayout small_layout() {
  ParameterLayout layout;
  layout.add("a", {3, 5}, 0, /*decayed=*/true);
  layout.add("b", {17}, 1, /*decayed=*/false);
  layout.add("c", {2, 2, 4}, 2, /*decayed=*/true);
  return layout;
}

TEST_CASE("parameters lie in order on 64-byte boundaries", "[layout]") {
  const ParameterLayout layout = small_layout();
  CHECK(layout.at("a").offset == 0);
  CHECK(layout.at("b").offset == 16);
  CHECK(layout.at("c").offset == 48);
  CHECK(layout.size() == 64);
  CHECK(layout.count() == 15 + 17 + 16);
  CHECK(layout.at("c").size == 16);
}

TEST_CASE("the layout's hash sees names, shapes, layers and decay", "[layout]") {
  const auto hash_of = [](std::string name, std::vector<std::int64_t> shape, int layer,
                          bool decayed) {
    ParameterLayout layout;
    layout.add(std::move(name), std::move(shape), layer, decayed);
    return layout.hash();
  };
  const auto hash = hash_of("a", {4, 6}, 1, true);
  CHECK(hash == hash_of("a", {4, 6}, 1, true));
  CHECK(hash != hash_of("b", {4, 6}, 1, true));
  CHECK(hash != hash_of("a", {6, 4}, 1, true));
  CHECK(hash != hash_of("a", {24}, 1, true));
  CHECK(hash != hash_of("a", {4, 6}, 2, true));
  CHECK(hash != hash_of("a", {4, 6}, 1, false));
}

TEST_CASE("a layout refuses what cannot be laid out", "[layout]") {
  ParameterLayout layout = small_layout();
  CHECK_THROWS_AS(layout.add("a", {1}, 2, true), BrokenInvariant);
  CHECK_THROWS_AS(layout.add("d", {0}, 2, true), BrokenInvariant);
  CHECK_THROWS_AS(layout.add("d", {1}, 1, true), BrokenInvariant);
  CHECK_THROWS_AS(layout.at("missing"), BrokenInvariant);
}

TEST_CASE("shares of an evaluation come together in source order", "[task]") {
  const std::vector<std::vector<Metric>> shares{
      {{"loss.en", 1}, {"loss.fr", 3}}, {{"loss.de", 2}}, {}};
  CHECK_THROWS_AS(combine(shares), BrokenInvariant);  // source 2 should be in the empty share

  const std::vector<std::vector<Metric>> two(shares.begin(), shares.begin() + 2);
  const auto metrics = combine(two);
  REQUIRE(metrics.size() == 4);
  CHECK(metrics[0].name == "loss");
  CHECK(metrics[0].value == 2);
  CHECK(metrics[1].name == "loss.en");
  CHECK(metrics[2].name == "loss.de");
  CHECK(metrics[3].name == "loss.fr");
  CHECK(combine({}).empty());
}

}  // namespace
}  // namespace strait
