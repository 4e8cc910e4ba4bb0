// The backward pass that is written out against autograd's on the same model.
#include "core/train/tasks/gpt_passes.h"

#include <cmath>
#include <limits>

#include "core/base/rng.h"
#include "core/train/flat_buffer.h"
#include "core/train/flat_math.h"
#include "core/train/tasks/threads.h"
#include "core/train/tasks/torch_info.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

struct Model {
  explicit Model(const GptOptions& gpt)
      : options(gpt),
        layout(gpt_layout(gpt)),
        parameters(static_cast<std::size_t>(layout.size())),
        gradients(parameters.size()) {
    initialize_gpt(parameters, layout, options, 1);
    Rng rng(2, "biases");  // zero and one at first: then their part would not be seen
    for (const Parameter& parameter : layout.parameters()) {
      if (parameter.shape.size() != 1) continue;
      for (std::int64_t i = 0; i < parameter.size; ++i) {
        parameters[static_cast<std::size_t>(parameter.offset + i)] +=
            static_cast<float>(0.2 * rng.normal());
      }
    }
  }

  std::vector<std::int64_t> tokens(std::string_view name, std::int64_t count) const {
    Rng rng(4, name);
    std::vector<std::int64_t> drawn(static_cast<std::size_t>(count));
    for (auto& token : drawn) {
      token = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(options.vocabulary)));
    }
    return drawn;
  }

  GptOptions options;
  ParameterLayout layout;
  FlatBuffer parameters, gradients;
};

const std::string kWrittenOut = "written out";

struct Passed {
  FlatBuffer gradients;
  std::vector<double> losses;
  double held_out;
};

/// By autograd on `device`, or as written out.
Passed passed(Model model, const std::string& device, std::int64_t sequences) {
  const auto passes =
      device == kWrittenOut
          ? make_gpt_on_cpu(model.options, model.parameters, model.gradients)
          : make_gpt_by_autograd(model.options, device, model.parameters, model.gradients);
  const std::int64_t length = model.options.context;
  for (const float scale : {1.0f, 0.25f}) {
    passes->accumulate_gradient(model.tokens("inputs", sequences * length),
                                model.tokens("targets", sequences * length), scale);
  }
  const double held_out =
      passes->mean_loss(model.parameters, model.tokens("held out", 3 * (length + 1)));
  return {std::move(model.gradients), passes->take_losses(), held_out};
}

double relative_difference(std::span<const float> a, std::span<const float> b) {
  std::vector<float> difference(a.size());
  outer_gradient(a, b, difference);
  return l2_norm(difference) / l2_norm(b);
}

void compare(const GptOptions& options, std::int64_t sequences, const std::string& device) {
  INFO("context " << options.context << ", " << sequences << " sequences, " << device);
  const Model model(options);
  const Passed ours = passed(model, kWrittenOut, sequences);
  const Passed autograd = passed(model, device, sequences);
  REQUIRE(ours.losses.size() == 2);
  REQUIRE(autograd.losses.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(ours.losses[i] == Approx(autograd.losses[i]).epsilon(1e-6));
  }
  CHECK(ours.held_out == Approx(autograd.held_out).epsilon(1e-6));
  for (const Parameter& parameter : model.layout.parameters()) {
    INFO(parameter.name);
    const auto part = [&](const FlatBuffer& flat) {
      return std::span(flat).subspan(static_cast<std::size_t>(parameter.offset),
                                     static_cast<std::size_t>(parameter.size));
    };
    CHECK(relative_difference(part(ours.gradients), part(autograd.gradients)) < 1e-5);
  }
}

void compare_all(const std::string& device) {
  compare({.layers = 2, .width = 64, .heads = 2, .head_size = 32, .context = 32}, 3, device);
  compare({.layers = 3, .width = 24, .heads = 3, .head_size = 5, .vocabulary = 97, .context = 10},
          2, device);
  compare({.layers = 1, .width = 40, .heads = 1, .head_size = 8, .context = 1}, 1, device);
  // Taken in several parts, the last one smaller; and one sequence longer than a part.
  compare({.layers = 1, .width = 32, .heads = 2, .head_size = 16, .context = 128}, 5, device);
  compare({.layers = 1, .width = 32, .heads = 2, .head_size = 16, .context = 300}, 2, device);
}

TEST_CASE("the gradients that are written out are autograd's", "[passes]") { compare_all("cpu"); }

TEST_CASE("a GPU computes the same gradients, the same ones every time", "[passes]") {
  if (cuda_description().empty()) {
    WARN("SKIPPED: LibTorch finds no GPU here");
    return;
  }
  compare_all("cuda");
  const Model model({.layers = 2, .width = 256, .heads = 4, .head_size = 64, .context = 256});
  const Passed first = passed(model, "cuda", 8), second = passed(model, "cuda", 8);
  CHECK(equal_bits(first.gradients, second.gradients));
}

TEST_CASE("intra-op threads change roundings only", "[passes]") {
  const Model model({.layers = 2, .width = 256, .heads = 4, .head_size = 64, .context = 128});
  set_intra_op_threads(1);
  const Passed one = passed(model, kWrittenOut, 4);
  set_intra_op_threads(2);
  const Passed two = passed(model, kWrittenOut, 4);
  set_intra_op_threads(1);
  CHECK(relative_difference(one.gradients, two.gradients) < 1e-5);
  CHECK(one.held_out == Approx(two.held_out).epsilon(1e-6));
}

TEST_CASE("a gradient through what is not finite is not finite", "[passes]") {
  Model model({.layers = 1, .width = 32, .heads = 2, .head_size = 16, .context = 16});
  model.parameters[static_cast<std::size_t>(model.layout.at("h.0.mlp.c_fc.bias").offset)] =
      std::numeric_limits<float>::quiet_NaN();
  const Passed result = passed(model, kWrittenOut, 2);
  CHECK(std::isnan(result.losses[0]));
  CHECK(std::isnan(result.held_out));
  CHECK(std::isnan(l2_norm(result.gradients)));
}

}  // namespace
}  // namespace strait
