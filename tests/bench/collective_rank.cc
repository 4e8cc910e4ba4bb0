#include "tests/bench/collective_rank.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <system_error>

#include "core/base/errors.h"
#include "core/base/quantities.h"
#include "core/base/wall_clock.h"

namespace strait {
namespace {

constexpr int kPeriod = 251;

float contribution(int rank, int place) {
  return static_cast<float>((place * 7 + rank * 13) % kPeriod - kPeriod / 2);
}

int parse_count(const std::string& key, const std::string& text, int least) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least) {
    throw UserError(fmt::format("--{} '{}': write a whole number from {} on", key, text, least));
  }
  return value;
}

RankOptions parse(int argc, char** argv) {
  std::map<std::string, std::string> given = {{"rank", ""},      {"size", ""},   {"bytes", ""},
                                              {"repeats", "1"},  {"batch", "1"}, {"dir", ""},
                                              {"algorithm", ""}, {"codec", ""}};
  for (int i = 1; i < argc; i += 2) {
    const std::string word = argv[i];
    const auto key = given.find(word.starts_with("--") ? word.substr(2) : "");
    if (key == given.end()) throw UserError(fmt::format("unknown argument '{}'", word));
    if (i + 1 == argc) throw UserError(fmt::format("{} needs a value", word));
    key->second = argv[i + 1];
  }
  RankOptions options;
  options.size = parse_count("size", given["size"], 2);
  options.rank = parse_count("rank", given["rank"], 0);
  options.repeats = parse_count("repeats", given["repeats"], 1);
  options.batch = parse_count("batch", given["batch"], 1);
  options.dir = given["dir"];
  options.algorithm = given["algorithm"];
  options.codec = given["codec"];
  try {
    options.bytes = parse_bytes(given["bytes"]);
  } catch (const BadQuantity& error) {
    throw UserError(fmt::format("--bytes: {}", error.what()));
  }
  if (options.bytes < 4 || options.bytes % 4 != 0) {
    throw UserError(fmt::format("--bytes '{}': write whole floats of 4 bytes", given["bytes"]));
  }
  if (options.rank >= options.size) {
    throw UserError(fmt::format("--rank {} is not below --size {}", options.rank, options.size));
  }
  if (options.dir.empty()) throw UserError("--dir is missing: name an empty folder for all ranks");
  return options;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// All ranks of the folder wait for each other: a barrier of pthreads in a file that all map. A
/// rank that ends early leaves the others waiting, so somebody has to end them.
class Meeting {
 public:
  explicit Meeting(const RankOptions& options) {
    const std::string path = options.dir + "/meeting";
    const std::string draft = path + ".new";
    if (options.rank == 0) {
      map(draft, O_RDWR | O_CREAT | O_EXCL);
      pthread_barrierattr_t shared;
      pthread_barrierattr_init(&shared);
      pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
      pthread_barrier_init(barrier_, &shared, static_cast<unsigned>(options.size));
      if (rename(draft.c_str(), path.c_str()) != 0) fail(path);
    } else {
      while (access(path.c_str(), F_OK) != 0) usleep(1000);
      map(path, O_RDWR);
    }
  }
  ~Meeting() { munmap(barrier_, sizeof *barrier_); }
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

  void wait() { pthread_barrier_wait(barrier_); }

 private:
  void map(const std::string& path, int flags) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *barrier_) != 0) fail(path);
    void* memory = mmap(nullptr, sizeof *barrier_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) fail(path);
    close(fd);
    barrier_ = static_cast<pthread_barrier_t*>(memory);
  }

  pthread_barrier_t* barrier_ = nullptr;
};

}  // namespace

void run_repetitions(const RankOptions& options, const Contender& contender) {
  Meeting meeting(options);
  for (int repetition = 0; repetition <= options.repeats; ++repetition) {
    contender.prepare();
    meeting.wait();
    const double cpu = process_cpu_seconds();
    const Nanos start = monotonic_now();
    contender.run();
    for (int i = 1; i < options.batch; ++i) {
      contender.prepare();
      contender.run();
    }
    const Nanos end = monotonic_now();
    if (repetition > 0) {
      fmt::print("repetition {:.6f} {:.6f} {:.6f}\n", seconds(start), seconds(end),
                 process_cpu_seconds() - cpu);
    }
    contender.check();
  }
  std::fflush(stdout);
  meeting.wait();  // nobody hangs up while others still exchange
}

void fill_contribution(int rank, std::span<float> out) {
  float period[kPeriod];
  for (int i = 0; i < kPeriod; ++i) period[i] = contribution(rank, i);
  for (std::size_t i = 0; i < out.size(); i += kPeriod) {
    const auto part = out.subspan(i, std::min<std::size_t>(kPeriod, out.size() - i));
    std::copy_n(period, part.size(), part.data());
  }
}

void check_sum(int size, std::span<const float> result, float scale, float tolerance) {
  float expected[kPeriod] = {};
  for (int rank = 0; rank < size; ++rank) {
    for (int i = 0; i < kPeriod; ++i) expected[i] += scale * contribution(rank, i);
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const float right = expected[i % kPeriod];
    if (!(std::abs(result[i] - right) <= tolerance)) {
      throw std::runtime_error(fmt::format("element {} is {} instead of {}", i, result[i], right));
    }
  }
}

int rank_main(int argc, char** argv, const std::function<void(const RankOptions&)>& body) {
  try {
    body(parse(argc, argv));
    return 0;
  } catch (const UserError& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace strait
