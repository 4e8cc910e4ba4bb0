// How far off the mean is that 8 islands agree on, on independent normal data: what lossy codecs
// cost, end to end.
#include <cmath>

#include "tests/conformance/collective_case.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

constexpr int kIslandCount = 8;
constexpr std::size_t kElements = 2048;
constexpr std::uint64_t kRepeats = 1000;

struct Errors {
  double rms = 0;             // of the error / of the mean, over all repeats
  double bias = 0;            // mean signed error
  double standard = 0;        // its standard error
  std::uint64_t unequal = 0;  // exchanges whose islands hold different bits
};

std::vector<float> normal_contribution(IslandId island, std::uint64_t repeat) {
  return normal_floats(kElements, repeat * kIslandCount + static_cast<std::uint64_t>(island));
}

Errors errors_of(const std::string& codec, const std::string& result_codec) {
  const Case c{network_rows().front(), "two_phase", codec, kIslandCount, kElements, result_codec};
  TestWorld world(world_options(c));
  std::vector<Buffers> out(kIslandCount);  // by island, by repeat
  world.run([&](IslandId i, TestWorld::Ports& ports) {
    auto& means = out[static_cast<std::size_t>(i)];
    for (std::uint64_t r = 0; r < kRepeats; ++r) {
      const auto in = normal_contribution(i, r);
      means.emplace_back(kElements);
      const ExchangeId id{.number = static_cast<std::uint32_t>(r)};
      if (!ports.collective.start(id, in, means.back(), everyone(kIslandCount)).wait().ok()) return;
    }
  });
  Errors errors;
  double error_squares = 0, mean_squares = 0, bias_squares = 0;
  for (std::uint64_t r = 0; r < kRepeats; ++r) {
    std::vector<double> mean(kElements);
    for (IslandId i = 0; i < kIslandCount; ++i) {
      const auto in = normal_contribution(i, r);
      for (std::size_t e = 0; e < kElements; ++e) mean[e] += double{in[e]} / kIslandCount;
    }
    double bias = 0;
    for (std::size_t e = 0; e < kElements; ++e) {
      const double error = out[0].at(r)[e] - mean[e];
      bias += error / kElements;
      error_squares += error * error;
      mean_squares += mean[e] * mean[e];
    }
    errors.bias += bias / kRepeats;
    bias_squares += bias * bias;
    for (const auto& means : out) errors.unequal += !same_bits(means.at(r), out[0][r]);
  }
  errors.rms = std::sqrt(error_squares / mean_squares);
  const double variance = bias_squares / kRepeats - errors.bias * errors.bias;
  errors.standard = std::sqrt(variance / kRepeats);
  return errors;
}

TEST_CASE("lossy codecs are off by less than they may and have no bias", "[collective]") {
  struct Limit {
    std::string codec, result_codec;
    double rms;
  };
  for (const Limit& limit : {Limit{"int8", "int8", 0.010}, Limit{"int8", "fp32", 0.007},
                             Limit{"bf16", "bf16", 0.004}, Limit{"bf16", "fp32", 0.004}}) {
    const Errors errors = errors_of(limit.codec, limit.result_codec);
    INFO(limit.codec << ", back in " << limit.result_codec << ": rms error " << 100 * errors.rms
                     << " % of the mean, bias " << errors.bias << " +- " << errors.standard);
    CHECK(errors.rms <= limit.rms);
    CHECK(errors.rms > limit.rms / 10);  // the test would notice a codec that is not lossy
    CHECK(std::abs(errors.bias) <= errors.standard);
    CHECK(errors.unequal == 0);
  }
}

}  // namespace
}  // namespace strait
