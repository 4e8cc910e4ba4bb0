#include "apps/lab/commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <optional>
#include <tuple>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/text.h"
#include "core/base/wall_clock.h"

namespace strait {
namespace {

constexpr Nanos kGrace = std::chrono::seconds(5);  // from SIGINT to SIGKILL

struct Pipe {
  OwnedFile read, write;

  Pipe() {
    int ends[2] = {-1, -1};
    STRAIT_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "pipe: {}", std::strerror(errno));
    read = OwnedFile(ends[0]);
    write = OwnedFile(ends[1]);
  }
};

/// Null-terminated, as exec wants it. The words outlive it.
std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_of(const Lab& lab, PeerId peer, int islands) {
  constexpr std::string_view kPrefix = "STRAIT_LAB_";
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(kPrefix)) result.emplace_back(*entry);
  }
  const auto add = [&](std::string_view name, const std::string& value) {
    result.push_back(fmt::format("{}{}={}", kPrefix, name, value));
  };
  add("ISLAND", lab_name(peer));
  add("ISLANDS", std::to_string(islands));
  add("ADDRESS", lab.address(peer));
  add("COORDINATOR", lab.address(PeerId::kCoordinator));
  return result;
}

/// One of a command's outputs: what comes is passed on when its line is complete.
class Output {
 public:
  Output(OwnedFile pipe, FILE* to, std::string name)
      : pipe_(std::move(pipe)), to_(to), name_(std::move(name)) {
    ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
  }

  int file() const { return pipe_.get(); }  // -1 when it has ended

  /// What there is by now; never waits.
  void read() {
    std::array<char, 16 << 10> part;
    while (file() >= 0) {
      const ssize_t count = ::read(file(), part.data(), part.size());
      if (count < 0) return;  // EAGAIN
      if (count == 0) return end();
      text_.append(part.data(), static_cast<std::size_t>(count));
      print_lines();
    }
  }

  void end() {
    if (!text_.empty()) text_ += '\n';
    print_lines();
    pipe_ = OwnedFile();
  }

 private:
  void print_lines() {
    const std::size_t complete = text_.rfind('\n') + 1;  // npos + 1 is 0
    std::string_view rest(text_.data(), complete);
    while (!rest.empty()) {
      const std::size_t line = rest.find('\n') + 1;
      fmt::print(to_, "{} | {}", name_, rest.substr(0, line));
      rest.remove_prefix(line);
    }
    if (complete > 0) std::fflush(to_);
    text_.erase(0, complete);
  }

  OwnedFile pipe_;
  FILE* to_;
  std::string name_, text_;
};

/// One command. Its process is collected with this, so that the number of its group is nobody
/// else's meanwhile.
class Process {
 public:
  Process(const Lab& lab, const LabCommand& command, int islands, const sigset_t& signals)
      : name_(lab_name(command.peer)), first_word_(command.words.front()) {
    std::vector<std::string> words = command.words;
    std::vector<std::string> environment = environment_of(lab, command.peer, islands);
    const std::vector<char*> arguments = pointers(words), variables = pointers(environment);
    Pipe out, err, failure;
    pid_ = ::fork();
    STRAIT_CHECK(pid_ >= 0, "fork: {}", std::strerror(errno));
    if (pid_ == 0) {
      // Nothing from here on may allocate: other threads may have held locks.
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
      ::dup2(out.write.get(), STDOUT_FILENO);
      ::dup2(err.write.get(), STDERR_FILENO);
      ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
      ::signal(SIGPIPE, SIG_DFL);  // which this program ignores
      if (lab.enter(command.peer)) ::execvpe(arguments[0], arguments.data(), variables.data());
      const int error = errno;
      std::ignore = ::write(failure.write.get(), &error, sizeof error);
      ::_exit(127);
    }
    ::setpgid(pid_, pid_);  // whoever comes first
    outputs_.emplace_back(std::move(out.read), stdout, name_);
    outputs_.emplace_back(std::move(err.read), stderr, name_);
    ended_ = OwnedFile(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    failure.write = OwnedFile();
    // Ends without a word when the command is there.
    if (::read(failure.read.get(), &start_error_, sizeof start_error_) <= 0) start_error_ = 0;
  }

  ~Process() {
    signal(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    for (Output& output : outputs_) {
      output.read();
      output.end();
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void require_start() const {
    if (start_error_ == 0) return;
    throw UserError(fmt::format("'{}' cannot be run in the lab: {}; write a program's name or path",
                                first_word_, std::strerror(start_error_)));
  }

  std::deque<Output>& outputs() { return outputs_; }
  int end_file() const { return ended_.get(); }  // readable at its end
  bool running() const { return ended_.get() >= 0; }

  /// To the whole group.
  void signal(int number) const { ::kill(-pid_, number); }

  /// How it ended, once end_file() is readable: empty if well.
  std::string end() {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 &&
           errno == EINTR) {
      continue;
    }
    ended_ = OwnedFile();
    if (info.si_code != CLD_EXITED) {
      return fmt::format("{}: '{}' was ended by {}", name_, first_word_,
                         ::strsignal(info.si_status));
    }
    if (info.si_status == 0) return {};
    return fmt::format("{}: '{}' ended with {}", name_, first_word_, info.si_status);
  }

 private:
  std::string name_, first_word_;
  pid_t pid_ = -1;
  OwnedFile ended_;  // a pidfd
  std::deque<Output> outputs_;
  int start_error_ = 0;
};

class Commands {
 public:
  Commands(const Lab& lab, const std::vector<LabCommand>& commands, const Interrupts& interrupts)
      : interrupts_(interrupts.file()) {
    const auto islands = std::count_if(commands.begin(), commands.end(), [](const auto& command) {
      return command.peer != PeerId::kCoordinator;
    });
    for (const LabCommand& command : commands) {
      processes_.emplace_back(lab, command, static_cast<int>(islands), interrupts.before());
      processes_.back().require_start();
    }
  }

  std::string run() {
    while (any_running()) {
      wait();
      for (Process& process : processes_) {
        for (Output& output : process.outputs()) output.read();
        if (process.running() && is_readable(process.end_file())) note(process.end());
      }
      if (is_readable(interrupts_)) interrupt();
      if (kill_at_ && monotonic_now() >= *kill_at_) signal(SIGKILL);
    }
    return result_;
  }

 private:
  bool any_running() const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const Process& process) { return process.running(); });
  }

  void wait() {
    std::vector<pollfd> files{{interrupts_, POLLIN, 0}};
    for (Process& process : processes_) {
      files.push_back({process.end_file(), POLLIN, 0});  // files below 0 are left out
      for (const Output& output : process.outputs()) files.push_back({output.file(), POLLIN, 0});
    }
    ::poll(files.data(), files.size(), kill_at_ ? 100 : -1);
  }

  static bool is_readable(int file) {
    pollfd poll{file, POLLIN, 0};
    return ::poll(&poll, 1, 0) > 0;
  }

  void note(const std::string& failure) {
    if (failure.empty() || !result_.empty()) return;
    result_ = failure;
    stop();
  }

  void interrupt() {
    signalfd_siginfo info{};
    std::ignore = ::read(interrupts_, &info, sizeof info);
    if (kill_at_) return signal(SIGKILL);
    if (result_.empty()) result_ = info.ssi_signo == SIGINT ? "stopped by Ctrl+C" : "stopped";
    stop();
  }

  void stop() {
    kill_at_ = monotonic_now() + kGrace;
    signal(SIGINT);
  }

  void signal(int number) {
    for (const Process& process : processes_) process.signal(number);
  }

  const int interrupts_;
  std::deque<Process> processes_;
  std::string result_;
  std::optional<Nanos> kill_at_;
};

}  // namespace

Interrupts::Interrupts() {
  sigset_t set{};
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  file_ = OwnedFile(::signalfd(-1, &set, SFD_CLOEXEC));
}

Interrupts::~Interrupts() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::string lab_name(PeerId peer) {
  return peer == PeerId::kCoordinator ? "coordinator" : std::to_string(island_of(peer));
}

std::string run_commands(const Lab& lab, const std::vector<LabCommand>& commands,
                         const Interrupts& interrupts) {
  return Commands(lab, commands, interrupts).run();
}

}  // namespace strait
