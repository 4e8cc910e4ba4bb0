#include "apps/launch/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/base/wall_clock.h"

namespace strait {

namespace {

constexpr int kLookMillis = 100;
constexpr double kPatienceSeconds = 10;  // for islands, once the coordinator has ended

volatile std::sig_atomic_t interrupts = 0;

void on_interrupt(int) { interrupts = interrupts + 1; }

[[noreturn]] void become(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  std::string program = "strait";
  arguments.push_back(program.data());
  std::vector<std::string> copies = words;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv("/proc/self/exe", arguments.data());
  ::_exit(127);
}

}  // namespace

Supervisor::~Supervisor() {
  signal_all(SIGKILL);
  for (Child& child : children_) {
    if (!child.ended) ::waitpid(child.pid, nullptr, 0);
    if (child.output >= 0) ::close(child.output);
  }
}

void Supervisor::start(const std::string& label, const std::vector<std::string>& words,
                       std::optional<int> inherits) {
  int ends[2] = {-1, -1};
  if (!label.empty() && ::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  std::fflush(nullptr);
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);  // it died before that
    ::signal(SIGINT, SIG_DFL);
    if (!label.empty()) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      const int nothing = ::open("/dev/null", O_RDONLY);
      ::dup2(nothing, STDIN_FILENO);
    }
    if (inherits) ::fcntl(*inherits, F_SETFD, 0);
    become(words);
  }
  if (!label.empty()) ::close(ends[1]);
  children_.push_back({.label = label, .pid = pid, .output = ends[0]});
}

int Supervisor::run() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  std::optional<WallTimer> ending;
  while (!all_ended()) {
    std::vector<pollfd> polled;
    for (const Child& child : children_) {
      if (child.output >= 0) polled.push_back({.fd = child.output, .events = POLLIN});
    }
    ::poll(polled.data(), polled.size(), kLookMillis);
    for (Child& child : children_) {
      const auto ready = std::find_if(polled.begin(), polled.end(), [&](const pollfd& p) {
        return p.fd == child.output && p.revents != 0;
      });
      if (child.output >= 0 && ready != polled.end()) read_lines(child);
    }
    reap();
    const bool alone = std::all_of(children_.begin(), children_.end(), [](const Child& child) {
      return child.ended || child.label.empty();
    });
    if (!ending && (main_ended() || alone || interrupts > 0)) ending.emplace();
    if (ending && ending->seconds() > kPatienceSeconds) signal_all(SIGKILL);
  }
  int code = 0;
  for (const Child& child : children_) {
    const bool good = WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0;
    if (good) continue;
    const bool first = child.label.empty() && WIFEXITED(child.status);
    if (code == 0 || first) code = first ? WEXITSTATUS(child.status) : 1;
  }
  return code;
}

/// Whole lines only: two children never share one.
void Supervisor::read_lines(Child& child) {
  char buffer[65536];
  const ssize_t count = ::read(child.output, buffer, sizeof buffer);
  if (count > 0) child.line.append(buffer, static_cast<std::size_t>(count));
  const bool over = count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
  if (over && !child.line.empty() && child.line.back() != '\n') child.line += '\n';
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  std::size_t at = 0;
  for (std::size_t end; (end = child.line.find('\n', at)) != std::string::npos; at = end + 1) {
    // The coordinator's bar may stand on this line of the terminal.
    fmt::print("{}{} | {}\n", terminal ? "\r\x1b[K" : "", child.label,
               child.line.substr(at, end - at));
  }
  child.line.erase(0, at);
  std::fflush(stdout);
  if (!over) return;
  ::close(child.output);
  child.output = -1;
}

void Supervisor::reap() {
  for (Child& child : children_) {
    if (child.ended || ::waitpid(child.pid, &child.status, WNOHANG) != child.pid) continue;
    child.ended = true;
    while (child.output >= 0) read_lines(child);
    report(child);
  }
}

void Supervisor::report(const Child& child) const {
  if (child.label.empty()) return;
  if (WIFSIGNALED(child.status)) {
    fmt::print(stderr, "strait: {} was ended by signal {} ({})\n", child.label,
               WTERMSIG(child.status), ::strsignal(WTERMSIG(child.status)));
  } else if (WEXITSTATUS(child.status) != 0) {
    fmt::print(stderr, "strait: {} ended with exit code {}\n", child.label,
               WEXITSTATUS(child.status));
  }
}

bool Supervisor::main_ended() const {
  return std::all_of(children_.begin(), children_.end(),
                     [](const Child& child) { return child.ended || !child.label.empty(); });
}

bool Supervisor::all_ended() const {
  return std::all_of(children_.begin(), children_.end(),
                     [](const Child& child) { return child.ended; });
}

void Supervisor::signal_all(int signal) {
  for (const Child& child : children_) {
    if (!child.ended) ::kill(child.pid, signal);
  }
}

}  // namespace strait
