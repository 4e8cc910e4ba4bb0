// fault_run: simulates seeds, and shows the first ones that fail.
//
//   fault_run --seeds 10000 --from 1 --jobs 2     many seeds; plan, end of the log and how to
//   replay fault_run --seed 4711 --log                   one seed, with all that happened
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/wall_clock.h"
#include "tests/faults/simulation.h"

namespace {

struct Options {
  std::uint64_t from = 1;
  std::uint64_t seeds = 1000;
  int jobs = 1;
  int failures = 1;  // after so many we stop
  bool one = false;
  bool log = false;
  bool brief = false;  // only the finding
};

constexpr std::size_t kTail = 200;

void print(const strait::SimulationResult& result, std::size_t tail) {
  fmt::print("{}", result.plan);
  const std::size_t skip = result.log.size() > tail ? result.log.size() - tail : 0;
  for (std::size_t n = skip; n < result.log.size(); ++n) fmt::print("{}\n", result.log[n]);
}

int run_one(const Options& options) {
  const auto result = strait::simulate(options.from, options.log);
  print(result, result.log.size());
  fmt::print("seed {}: {} (at {:.3f} s, {} faults, trace {:016x})\n", result.seed,
             result.finding.empty() ? "all is well" : result.finding, strait::seconds(result.ended),
             result.faults, result.trace_hash);
  return result.finding.empty() ? 0 : 1;
}

class Many {
 public:
  explicit Many(const Options& options) : options_(options), next_(options.from) {}

  int run() {
    const strait::WallTimer timer;
    {
      std::vector<std::jthread> threads;
      for (int j = 0; j < options_.jobs; ++j) threads.emplace_back([this] { work(); });
    }
    const double took = timer.seconds();
    fmt::print(
        "{} seeds, {} failed, {:.1f} s, {:.0f} seeds/min, {:.1f} faults and {:.0f} virtual "
        "s per seed\n",
        done_, failed_, took, static_cast<double>(done_) / took * 60,
        static_cast<double>(faults_) / static_cast<double>(std::max<std::int64_t>(done_, 1)),
        virtual_seconds_ / static_cast<double>(std::max<std::int64_t>(done_, 1)));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void work() {
    while (true) {
      const std::uint64_t seed = next_++;
      if (seed >= options_.from + options_.seeds || failed_ >= options_.failures) return;
      const auto result = strait::simulate(seed);
      const std::lock_guard lock(mutex_);
      ++done_;
      faults_ += result.faults;
      virtual_seconds_ += strait::seconds(result.ended);
      if (!result.finding.empty()) show(result);
    }
  }

  void show(const strait::SimulationResult& result) {
    ++failed_;
    if (!options_.brief) print(strait::simulate(result.seed, /*log=*/true), kTail);
    fmt::print("FAILED seed {}: {}\n", result.seed, result.finding);
    if (!options_.brief) fmt::print("replay: fault_run --seed {} --log\n", result.seed);
    std::fflush(stdout);
  }

  const Options options_;
  std::atomic<std::uint64_t> next_;
  std::mutex mutex_;
  std::int64_t done_ = 0;
  std::int64_t faults_ = 0;
  double virtual_seconds_ = 0;
  std::atomic<int> failed_ = 0;
};

bool read(int count, char** words, Options& options) {
  for (int n = 1; n < count; ++n) {
    const std::string word = words[n];
    const bool has_value = n + 1 < count;
    if (word == "--log") {
      options.log = true;
    } else if (word == "--brief") {
      options.brief = true;
    } else if (word == "--seed" && has_value) {
      options.one = true;
      options.from = std::strtoull(words[++n], nullptr, 10);
    } else if (word == "--from" && has_value) {
      options.from = std::strtoull(words[++n], nullptr, 10);
    } else if (word == "--seeds" && has_value) {
      options.seeds = std::strtoull(words[++n], nullptr, 10);
    } else if (word == "--jobs" && has_value) {
      options.jobs = std::atoi(words[++n]);
    } else if (word == "--failures" && has_value) {
      options.failures = std::atoi(words[++n]);
    } else {
      return false;
    }
  }
  return options.jobs > 0;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  if (!read(count, words, options)) {
    fmt::print(stderr,
               "usage: fault_run [--seeds N] [--from S] [--jobs J] [--failures F] [--brief]\n"
               "       fault_run --seed S [--log]\n");
    return 2;
  }
  return options.one ? run_one(options) : Many(options).run();
}
