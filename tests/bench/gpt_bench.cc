// How fast the language task trains on this machine's cores, against LibTorch's own matmul on the
// same cores in the same run:
//   gpt_bench [islands=4] [repeats=5]
// Islands run in parallel, one intra-op thread each; a step is forward, backward and AdamW. GFLOP
// are 6 x parameters x tokens (attention is not counted). The matmul is 1024 x 1024, measured
// before and after each: by 2 threads with one matmul each, and by one matmul on 2 threads.
//
// Two ratios: by wall time (true on a quiet machine only) and by CPU time over all threads, which
// other people's load disturbs little.
#include <ATen/core/Tensor.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <latch>
#include <thread>

#include "core/base/rng.h"
#include "core/train/optimizer.h"
#include "core/train/tasks/language.h"
#include "core/train/tasks/threads.h"

namespace strait {
namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double thread_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Cost {
  double wall = 0;  // seconds from when all threads are ready until the last is done
  double cpu = 0;   // seconds, summed over the threads
};

using Work = std::function<void()>;

Cost cost_of(int threads, const std::function<Work(int)>& prepare) {
  std::latch ready(threads + 1);
  std::latch done(threads);
  std::atomic<double> cpu{0};
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      const Work work = prepare(i);
      ready.arrive_and_wait();
      const double start = thread_cpu_seconds();
      work();
      cpu += thread_cpu_seconds() - start;
      done.count_down();
    });
  }
  ready.arrive_and_wait();
  const double start = wall_seconds();
  done.wait();
  return {.wall = wall_seconds() - start, .cpu = cpu};
}

struct Speed {
  double per_second = 0;      // GFLOP/s of all threads together
  double per_cpu_second = 0;  // GFLOP/s of one core
};

Speed speed_of(double gflop, const Cost& cost) {
  return {.per_second = gflop / cost.wall, .per_cpu_second = gflop / cost.cpu};
}

Speed matmul_speed(int threads, int intra_op) {
  constexpr std::int64_t kSize = 1024;
  constexpr int kRepeats = 40;
  const Cost cost = cost_of(threads, [&](int) {
    set_intra_op_threads(intra_op);
    const auto a = at::rand({kSize, kSize});
    const auto b = at::rand({kSize, kSize});
    a.mm(b);
    return [a, b] {
      for (int i = 0; i < kRepeats; ++i) a.mm(b);
    };
  });
  return speed_of(2e-9 * kSize * kSize * kSize * kRepeats * threads, cost);
}

// Speed does not depend on the text.
struct AnyTokens final : TokenBatches {
  void fill(BatchKey key, std::span<std::int64_t> inputs,
            std::span<std::int64_t> targets) override {
    Rng rng(1, "bench", static_cast<std::uint64_t>(key.island));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = static_cast<std::int64_t>(rng.below(256));
      targets[i] = (inputs[i] * 7 + 3) % 256;
    }
  }
};

Cost training_cost(const LanguageOptions& options, int islands, int steps) {
  AnyTokens batches;
  return cost_of(islands, [&](int island) {
    set_intra_op_threads(1);
    std::shared_ptr<Task> task = make_language_task(options, batches, {});
    std::shared_ptr<InnerOptimizer> optimizer = make_inner_optimizer({}, task->layout());
    task->initialize();
    const auto step = [task, optimizer, island](int i) {
      task->clear_gradients();
      task->accumulate_gradient({.island = island, .step = i}, 1.0f);
      optimizer->step(task->parameters(), task->gradients(), 1e-3);
    };
    step(0);
    return [step, steps] {
      for (int i = 0; i < steps; ++i) step(i);
    };
  });
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const char* size, std::int64_t sequences, int islands, int steps, int repeats) {
  const LanguageOptions options{.gpt = gpt_size(size), .sequences = sequences};
  const auto tokens = static_cast<double>(sequences * options.gpt.context * steps * islands);
  const double gflop = 6e-9 * static_cast<double>(gpt_layout(options.gpt).count()) * tokens;
  std::vector<double> tokens_rate, rate, matmul, matmul_intra, ratio, cpu_ratio;
  for (int i = 0; i < repeats; ++i) {
    const Speed before = matmul_speed(/*threads=*/2, /*intra_op=*/1);
    const Cost cost = training_cost(options, islands, steps);
    const Speed after = matmul_speed(/*threads=*/2, /*intra_op=*/1);
    const Speed training = speed_of(gflop, cost);
    matmul_intra.push_back(matmul_speed(/*threads=*/1, /*intra_op=*/2).per_second);
    matmul.push_back((before.per_second + after.per_second) / 2);
    tokens_rate.push_back(tokens / cost.wall);
    rate.push_back(training.per_second);
    ratio.push_back(training.per_second / matmul.back());
    cpu_ratio.push_back(2 * training.per_cpu_second /
                        (before.per_cpu_second + after.per_cpu_second));
  }
  fmt::print(
      "{:3} {} x {:3} tokens, {} islands: {:6.0f} tokens/s = {:5.1f} GFLOP/s; matmul 1024: 2 x 1 "
      "thread {:5.1f}, 1 x 2 threads {:5.1f}; ratio {:.2f} wall, {:.2f} CPU\n",
      size, sequences, options.gpt.context, islands, median(tokens_rate), median(rate),
      median(matmul), median(matmul_intra), median(ratio), median(cpu_ratio));
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  const int islands = argc > 1 ? std::atoi(argv[1]) : 4;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 5;
  strait::compare("xs", 8, islands, /*steps=*/10, repeats);
  strait::compare("xxs", 2, islands, /*steps=*/100, repeats);
}
