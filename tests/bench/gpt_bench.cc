// How fast the language task trains on this machine's cores, against LibTorch's own matmul on the
// same cores in the same run:
//   gpt_bench [islands=4] [repeats=5]
// prints, per size, tokens/s over all islands in parallel (one intra-op thread each), GFLOP/s at
// 6 x parameters x tokens, the matmul's GFLOP/s (measured right before and after each), and the
// ratio of the two.
#include <ATen/core/Tensor.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <latch>
#include <thread>

#include "core/base/rng.h"
#include "core/train/tasks/language.h"
#include "core/train/tasks/threads.h"

namespace strait {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds from the moment all threads are ready until the last has done its work.
double seconds_of(int threads, const std::function<std::function<void()>(int)>& prepare) {
  std::latch ready(threads + 1);
  std::latch done(threads);
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      const auto work = prepare(i);
      ready.arrive_and_wait();
      work();
      done.count_down();
    });
  }
  ready.arrive_and_wait();
  const double start = now();
  done.wait();
  return now() - start;
}

double matmul_gflops(int threads, int intra_op, int repeats) {
  constexpr std::int64_t kSize = 1024;
  const double seconds = seconds_of(threads, [&](int) {
    set_intra_op_threads(intra_op);
    const auto a = at::rand({kSize, kSize});
    const auto b = at::rand({kSize, kSize});
    a.mm(b);
    return [a, b, repeats] {
      for (int i = 0; i < repeats; ++i) a.mm(b);
    };
  });
  return 2.0 * kSize * kSize * kSize * repeats * threads / seconds * 1e-9;
}

// Text is not needed to measure speed: tokens with a little structure.
struct Counting final : TokenBatches {
  void fill(BatchKey key, std::span<std::int64_t> inputs,
            std::span<std::int64_t> targets) override {
    Rng rng(1, "bench", static_cast<std::uint64_t>(key.island));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = static_cast<std::int64_t>(rng.below(256));
      targets[i] = (inputs[i] * 7 + 3) % 256;
    }
  }
};

// One fused pass as the inner optimizer does: 28 bytes of traffic per parameter.
void adamw(std::span<float> p, std::span<const float> g, std::vector<float>& m,
           std::vector<float>& v) {
  double norm = 0;
  for (std::size_t i = 0; i < p.size(); i += 16) {
    float part = 0;
    for (std::size_t j = i; j < i + 16; ++j) part += g[j] * g[j];
    norm += static_cast<double>(part);
  }
  const float clip = static_cast<float>(std::min(1.0, 1 / (std::sqrt(norm) + 1e-6)));
  for (std::size_t i = 0; i < p.size(); ++i) {
    const float gradient = clip * g[i];
    m[i] = 0.9f * m[i] + 0.1f * gradient;
    v[i] = 0.95f * v[i] + 0.05f * gradient * gradient;
    p[i] = p[i] * 0.9999f - 1e-3f * m[i] / (std::sqrt(v[i]) + 1e-8f);
  }
}

struct Speed {
  double tokens = 0;  // per second
  double gflops = 0;  // at 6 x parameters x tokens
};

Speed training_speed(const LanguageOptions& options, int islands, int steps) {
  Counting batches;
  std::int64_t parameters = 0;
  const double seconds = seconds_of(islands, [&](int island) {
    set_intra_op_threads(1);
    std::shared_ptr<Task> task = make_language_task(options, batches, {});
    task->initialize();
    if (island == 0) parameters = task->layout().count();
    auto step = [task, island, m = std::vector<float>(task->parameters().size()),
                       v = std::vector<float>(task->parameters().size())](int i) mutable {
      task->clear_gradients();
      task->accumulate_gradient({.island = island, .step = i}, 1.0f);
      adamw(task->parameters(), task->gradients(), m, v);
    };
    auto warm = step;
    warm(0);
    return [step, steps]() mutable {
      for (int i = 0; i < steps; ++i) step(i);
    };
  });
  const auto tokens =
      static_cast<double>(options.sequences * options.gpt.context * steps) * islands;
  return {.tokens = tokens / seconds,
          .gflops = 6.0 * static_cast<double>(parameters) * tokens / seconds * 1e-9};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const char* size, std::int64_t sequences, int islands, int steps, int repeats) {
  const LanguageOptions options{.gpt = gpt_size(size), .sequences = sequences};
  std::vector<double> tokens, gflops, matmul, matmul_intra, ratios;
  for (int i = 0; i < repeats; ++i) {
    const double before = matmul_gflops(/*threads=*/2, /*intra_op=*/1, 40);
    const Speed speed = training_speed(options, islands, steps);
    const double after = matmul_gflops(/*threads=*/2, /*intra_op=*/1, 40);
    matmul_intra.push_back(matmul_gflops(/*threads=*/1, /*intra_op=*/2, 40));
    matmul.push_back((before + after) / 2);
    tokens.push_back(speed.tokens);
    gflops.push_back(speed.gflops);
    ratios.push_back(speed.gflops / matmul.back());
  }
  fmt::print(
      "{:4} {} x {} tokens, {} islands: {:8.0f} tokens/s, {:6.1f} GFLOP/s at 6N; matmul 1024: 2 x "
      "1 "
      "thread {:6.1f}, 1 x 2 threads {:6.1f}; ratio {:.3f} (best {:.3f})\n",
      size, sequences, options.gpt.context, islands, median(tokens), median(gflops), median(matmul),
      median(matmul_intra), median(ratios), *std::max_element(ratios.begin(), ratios.end()));
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  const int islands = argc > 1 ? std::atoi(argv[1]) : 4;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 5;
  strait::compare("xs", 8, islands, /*steps=*/10, repeats);
  strait::compare("xxs", 2, islands, /*steps=*/100, repeats);
}
