// What a donor gives, and what of it is believed.
#include "core/train/strategies/state_copy.h"

#include "core/train/flat_buffer.h"
#include "core/train/strategy.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

ParameterLayout small_layout() {
  ParameterLayout layout;
  layout.add("a", {3}, 0, false);  // padded
  layout.add("b", {2, 2}, 1, true);
  return layout;
}

TEST_CASE("a copy of the state comes back without its padding", "[state]") {
  const ParameterLayout layout = small_layout();
  const auto size = static_cast<std::size_t>(layout.size());
  FlatBuffer first(size, 1.0f), second(size, 2.0f), back(size), back_too(size);
  const SharedState copy = copy_state(layout, {first, second});
  REQUIRE(copy.buffers.size() == 2);
  CHECK(copy.buffers[1] == std::vector<float>(7, 2.0f));
  restore_state(copy, layout, {back, back_too});
  CHECK(copy_state(layout, {back, back_too}).buffers == copy.buffers);
}

TEST_CASE("what a donor gives of another model is refused", "[state]") {
  const ParameterLayout layout = small_layout();
  const std::vector<float> right(7), shorter(6), longer(8);
  const auto check = [&](std::vector<std::vector<float>> means,
                         std::optional<SharedState> state = std::nullopt) {
    check_given({.from = 1, .round = 3, .means = std::move(means), .state = std::move(state)},
                layout, 2);
  };
  CHECK_NOTHROW(check({right, right}));
  CHECK_NOTHROW(check({}, SharedState{{right, right}}));
  CHECK_THROWS_AS(check({right, longer}), RunFailed);
  CHECK_THROWS_AS(check({shorter, right}), RunFailed);
  CHECK_THROWS_AS(check({}, SharedState{{right}}), RunFailed);
  CHECK_THROWS_AS(check({}, SharedState{{right, longer}}), RunFailed);
  CHECK_THROWS_WITH(check({}, SharedState{{right, right, right}}),
                    "round 2: what a donor gave is of another model");
}

}  // namespace
}  // namespace strait
