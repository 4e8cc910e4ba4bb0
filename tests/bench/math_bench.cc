// How fast the codecs, the optimizers and the quadratic task go over memory, beside memcpy.
//
// One thread. Every line is the median of a few rounds; in a round each kernel runs once after
// another, memcpy among them, so that a busy minute hits all of them alike. "traffic" counts the
// bytes that the algorithm has to read and write; the last column divides its GB/s by memcpy's.
//   math_bench [million values, default 32] [rounds, default 7]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "core/comm/codecs/codecs.h"
#include "core/train/flat_buffer.h"
#include "core/train/optimizer.h"
#include "core/train/quadratic.h"

namespace strait {
namespace {

struct Kernel {
  std::string name;
  double bytes_per_value;  // traffic, read and written
  std::function<void()> run;
  std::vector<double> seconds;
};

double timed(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The buffers that all kernels share.
struct Buffers {
  explicit Buffers(std::size_t n) : a(n), b(n), c(n), message(4 * n + 64) {
    for (std::size_t i = 0; i < n; ++i) a[i] = static_cast<float>(i % 1009) / 500 - 1;
    b = a;
    layout.add("weight", {static_cast<std::int64_t>(n)}, 0, true);
  }
  FlatBuffer a, b, c;
  ParameterLayout layout;
  std::vector<std::byte> message;
};

std::span<std::byte> message_of(Buffers& buffers, const Codec& codec) {
  const auto size = codec.encoded_size(static_cast<std::int64_t>(buffers.a.size()));
  return std::span(buffers.message).first(static_cast<std::size_t>(size));
}

void add_codecs(std::vector<Kernel>& kernels, Buffers& buffers, Simd simd) {
  const std::string twin(to_string(simd));
  const std::shared_ptr<Codec> int8 = make_int8_codec(simd);
  const std::shared_ptr<Codec> bf16 = make_bf16_codec(simd);
  const std::shared_ptr<Codec> fp32 = make_fp32_codec(simd);
  const double wire = 1 + 4.0 / 128;
  kernels.push_back({"int8 encode " + twin,
                     4 + wire,
                     [&buffers, int8] { int8->encode(buffers.a, message_of(buffers, *int8)); },
                     {}});
  kernels.push_back({"int8 decode " + twin,
                     4 + wire,
                     [&buffers, int8] { int8->decode(message_of(buffers, *int8), buffers.b); },
                     {}});
  kernels.push_back(
      {"int8 decode_add " + twin,
       8 + wire,
       [&buffers, int8] { int8->decode_add(message_of(buffers, *int8), 0.25f, buffers.b); },
       {}});
  kernels.push_back({"bf16 encode " + twin,
                     4 + 2,
                     [&buffers, bf16] { bf16->encode(buffers.a, message_of(buffers, *bf16)); },
                     {}});
  kernels.push_back({"bf16 decode " + twin,
                     4 + 2,
                     [&buffers, bf16] { bf16->decode(message_of(buffers, *bf16), buffers.b); },
                     {}});
  kernels.push_back(
      {"bf16 decode_add " + twin,
       8 + 2,
       [&buffers, bf16] { bf16->decode_add(message_of(buffers, *bf16), 0.25f, buffers.b); },
       {}});
  kernels.push_back({"fp32 decode_add " + twin,
                     12,
                     [&buffers, fp32] {
                       fp32->decode_add(std::as_bytes(std::span(buffers.a)), 1e-3f, buffers.b);
                     },
                     {}});
}

void add_optimizers(std::vector<Kernel>& kernels, Buffers& buffers, Simd simd) {
  const std::string twin(to_string(simd));
  const auto n = static_cast<std::int64_t>(buffers.a.size());
  const std::shared_ptr<InnerOptimizer> adamw = make_inner_optimizer({}, buffers.layout, simd);
  const std::shared_ptr<OuterOptimizer> nesterov = make_outer_optimizer({}, n, simd);
  kernels.push_back({"l2_norm " + twin, 4, [&buffers, simd] { l2_norm(buffers.a, simd); }, {}});
  kernels.push_back(
      {"all_finite " + twin, 4, [&buffers, simd] { all_finite(buffers.a, simd); }, {}});
  kernels.push_back({"adamw with norm " + twin,
                     32,
                     [&buffers, adamw] { adamw->step(buffers.b, buffers.a, 1e-3); },
                     {}});
  kernels.push_back({"nesterov " + twin,
                     20,
                     [&buffers, nesterov] { nesterov->step(buffers.b, buffers.a, 1); },
                     {}});
  kernels.push_back({"outer_gradient " + twin,
                     12,
                     [&buffers, simd] { outer_gradient(buffers.a, buffers.b, buffers.c, simd); },
                     {}});
  const auto quadratic = std::make_shared<QuadraticTask>(QuadraticOptions{.size = n}, 1, simd);
  quadratic->accumulate_gradient({}, 0);  // makes the island's optimum
  kernels.push_back({"quadratic gradient " + twin,
                     20,
                     [quadratic] { quadratic->accumulate_gradient({}, 1); },
                     {}});
}

void print(const std::vector<Kernel>& kernels, std::size_t n) {
  const double values = static_cast<double>(n);
  const double copy = kernels[0].bytes_per_value * values / median(kernels[0].seconds) * 1e-9;
  fmt::print("{:<26}{:>10}{:>12}{:>14}{:>12}\n", "", "ms", "Gvalues/s", "traffic GB/s", "/ memcpy");
  for (const Kernel& kernel : kernels) {
    const double time = median(kernel.seconds);
    const double traffic = kernel.bytes_per_value * values / time * 1e-9;
    fmt::print("{:<26}{:>10.2f}{:>12.2f}{:>14.1f}{:>12.2f}\n", kernel.name, time * 1e3,
               values / time * 1e-9, traffic, traffic / copy);
  }
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  using namespace strait;
  const std::size_t n = (argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 32) << 20;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  Buffers buffers(n);
  std::vector<Kernel> kernels;
  kernels.push_back(
      {"memcpy", 8, [&] { std::memcpy(buffers.b.data(), buffers.a.data(), 4 * n); }, {}});
  for (const Simd simd : supported_simd()) {
    add_codecs(kernels, buffers, simd);
    add_optimizers(kernels, buffers, simd);
  }
  for (int round = -1; round < rounds; ++round) {  // round -1 touches the pages
    for (Kernel& kernel : kernels) {
      const double time = timed(kernel.run);
      if (round >= 0) kernel.seconds.push_back(time);
    }
  }
  print(kernels, n);
}
