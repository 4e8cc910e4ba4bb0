// How fast the language task trains on this machine's cores, against LibTorch's own matmul on the
// same cores in the same run:
//   gpt_bench [islands=4] [repeats=5]
// Islands run in parallel, one intra-op thread each; a step is forward, backward and AdamW. GFLOP
// are 6 x parameters x tokens (attention is not counted). The matmul is 1024 x 1024, measured
// before and after each: by 2 threads with one matmul each, and by one matmul on 2 threads.
//
// Then AdamW with clipping, on one thread, against torch::optim::AdamW and clip_grad_norm_ over the
// same parameters, and beside it the limit: the time in which this core reads what AdamW has to
// read (four values per parameter, and the gradient once more for its norm), one buffer after
// another, and does nothing with it. Then attention by itself, forward and backward, against
// LibTorch's fused one for the CPU.
//
// Two ratios: by wall time (true on a quiet machine only) and by CPU time over all threads, which
// other people's load disturbs little.
#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <time.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <latch>
#include <thread>

#include "core/base/rng.h"
#include "core/train/flat_buffer.h"
#include "core/train/flat_math.h"
#include "core/train/optimizer.h"
#include "core/train/tasks/attention.h"
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

constexpr std::int64_t kHeads = 4;

// One sequence of queries, keys and values, [T, 3 x heads x head size], both ways through
// attention.
Work libtorch_attention(std::int64_t context, std::int64_t size) {
  const auto qkv = at::rand({context, 3 * kHeads * size});
  const auto gradient = at::rand({context, kHeads * size});
  return [=] {
    const c10::InferenceMode no_autograd;
    const auto heads = [&](const at::Tensor& columns) {
      return columns.view({-1, context, kHeads, size}).transpose(1, 2);
    };
    const auto part = qkv.split(kHeads * size, 1);
    const auto q = heads(part[0]), k = heads(part[1]), v = heads(part[2]);
    const auto [mixed, log_sums] =
        at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, /*is_causal=*/true);
    at::_scaled_dot_product_flash_attention_for_cpu_backward(heads(gradient), q, k, v, mixed,
                                                             log_sums, 0.0, /*is_causal=*/true);
  };
}

Work own_attention(std::int64_t context, std::int64_t size) {
  const std::int64_t width = kHeads * size;
  const auto qkv = at::rand({context, 3 * width}), gradient = at::rand({context, width});
  const auto d_qkv = at::rand({context, 3 * width}), mixed = at::rand({context, width});
  const auto log_sums = at::rand({context}), scratch = at::rand({attention_scratch(context)});
  return [=] {
    for (std::int64_t head = 0; head < kHeads; ++head) {
      const auto view = [&](const at::Tensor& x, std::int64_t column) {
        return Matrix<float>{x.data_ptr<float>() + column, context, size, x.stride(0)};
      };
      const auto part = [&](const at::Tensor& x, std::int64_t i) {
        return view(x, i * width + head * size);
      };
      const HeadViews<const float> in{part(qkv, 0), part(qkv, 1), part(qkv, 2)};
      const HeadViews<float> d_in{part(d_qkv, 0), part(d_qkv, 1), part(d_qkv, 2)};
      attend(in, view(mixed, head * size), log_sums.data_ptr<float>(), scratch.data_ptr<float>());
      attend_backward(in, log_sums.data_ptr<float>(), view(gradient, head * size), d_in,
                      scratch.data_ptr<float>());
    }
  };
}

void compare_attention(std::int64_t context, std::int64_t size, int repeats) {
  const auto microseconds = [&](Work (*make)(std::int64_t, std::int64_t)) {
    const int times = static_cast<int>(20'000 / context);
    return cost_of(2,
                   [&](int) {
                     set_intra_op_threads(1);
                     const Work work = make(context, size);
                     work();
                     return [work, times] {
                       for (int i = 0; i < times; ++i) work();
                     };
                   })
               .cpu /
           (2 * times) * 1e6;
  };
  std::vector<double> theirs, ours, ratio;
  for (int i = 0; i < repeats; ++i) {
    theirs.push_back(microseconds(libtorch_attention));
    ours.push_back(microseconds(own_attention));
    ratio.push_back(theirs.back() / ours.back());
  }
  fmt::print(
      "attention of {} heads of {} over {:4} tokens: LibTorch {:6.0f} us, own {:6.0f} us; "
      "ratio {:.2f}\n",
      kHeads, size, context, median(theirs), median(ours), median(ratio));
}

double milliseconds(int times, const Work& work) {
  const double start = wall_seconds();
  for (int i = 0; i < times; ++i) work();
  return (wall_seconds() - start) / times * 1e3;
}

void compare_adamw(const char* size, int times, int repeats) {
  set_intra_op_threads(1);
  const ParameterLayout layout = gpt_layout(gpt_size(size));
  // As tasks have them.
  FlatBuffer parameters(static_cast<std::size_t>(layout.size()), 0.1f);
  const FlatBuffer gradients(parameters.size(), 0.01f);
  const auto own = make_inner_optimizer({}, layout);
  std::vector<at::Tensor> tensors;
  for (const Parameter& parameter : layout.parameters()) {
    tensors.push_back(torch::full(parameter.shape, 0.1, torch::requires_grad()));
    tensors.back().mutable_grad() = torch::full(parameter.shape, 0.01);
  }
  torch::optim::AdamW libtorch(
      tensors, torch::optim::AdamWOptions(1e-3).betas({0.9, 0.95}).weight_decay(0.1));
  // As large as the two moments.
  const FlatBuffer first(parameters.size(), 0.1f), second(parameters.size(), 0.1f);
  std::vector<double> ours, theirs, ratio, limit;
  for (int i = -1; i < repeats; ++i) {  // repeat -1 touches the pages
    const double a = milliseconds(times, [&] { own->step(parameters, gradients, 1e-3); });
    const double b = milliseconds(times, [&] {
      torch::nn::utils::clip_grad_norm_(tensors, 1.0);
      libtorch.step();
    });
    const double c = milliseconds(times, [&] {
      for (const std::span<const float> read : std::initializer_list<std::span<const float>>{
               gradients, parameters, gradients, first, second}) {
        if (!all_finite(read)) std::abort();
      }
    });
    if (i < 0) continue;
    limit.push_back(c);
    ours.push_back(a);
    theirs.push_back(b);
    ratio.push_back(b / a);
  }
  fmt::print(
      "AdamW with clipping, {:3}: LibTorch {:8.3f} ms, own {:7.3f} ms; ratio {:.1f}; reading alone "
      "{:7.3f} ms\n",
      size, median(theirs), median(ours), median(ratio), median(limit));
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  const int islands = argc > 1 ? std::atoi(argv[1]) : 4;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 5;
  strait::compare("xs", 8, islands, /*steps=*/10, repeats);
  strait::compare("xxs", 2, islands, /*steps=*/100, repeats);
  strait::compare_adamw("xxs", 100, repeats);
  strait::compare_adamw("xs", 50, repeats);
  strait::compare_adamw("s", 10, repeats);
  for (const int context : {64, 128, 256, 1024, 2048}) {
    for (const int size : {32, 64}) strait::compare_attention(context, size, repeats);
  }
}
