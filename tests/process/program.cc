#include "tests/process/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "core/base/files.h"

namespace strait {
namespace {

/// Replaces the child by the program. The tests have one thread, so any call may follow the fork.
[[noreturn]] void become_program(const Child& child, char* const* words, int out, int err) {
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  std::signal(SIGXFSZ, SIG_DFL);
  std::signal(SIGPIPE, SIG_DFL);
  if (::chdir(child.folder.c_str()) != 0) ::_exit(126);
  for (const auto& [name, value] : child.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (child.largest_file) {
    const rlimit limit{*child.largest_file, *child.largest_file};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ::execv(STRAIT_PROGRAM, words);
  ::_exit(127);
}

/// Reads both pipes to their ends, so that neither can block the child.
void read_both(std::array<int, 2> pipes, Ended& ended) {
  std::array<pollfd, 2> files{pollfd{pipes[0], POLLIN, 0}, pollfd{pipes[1], POLLIN, 0}};
  std::array<std::string*, 2> texts{&ended.out, &ended.err};
  std::array<char, 4096> part;
  for (int open = 2; open > 0;) {
    if (::poll(files.data(), files.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i].fd < 0 || files[i].revents == 0) continue;
      const ssize_t count = ::read(files[i].fd, part.data(), part.size());
      if (count > 0) texts[i]->append(part.data(), static_cast<std::size_t>(count));
      if (count > 0) continue;
      ::close(files[i].fd);
      files[i].fd = -1;
      --open;
    }
  }
}

}  // namespace

RunningStrait::RunningStrait(const Words& words, const Child& child) {
  std::vector<char*> argv{const_cast<char*>("strait")};
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::array<int, 2> out{}, err{};
  REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
  REQUIRE(::pipe2(err.data(), O_CLOEXEC) == 0);
  pid_ = ::fork();
  if (pid_ == 0) become_program(child, argv.data(), out[1], err[1]);
  REQUIRE(pid_ > 0);
  ::close(out[1]);
  ::close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

RunningStrait::~RunningStrait() {
  if (pid_ > 0) end(SIGKILL);
}

Ended RunningStrait::end(int signal) {
  if (signal != 0) ::kill(pid_, signal);
  Ended ended;
  read_both({out_, err_}, ended);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

std::string RunningStrait::next_line(int pipe) {
  std::string line;
  for (char c = 0; ::read(pipe, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

Ended run_strait(const Words& words, const Child& child) {
  return RunningStrait(words, child).end();
}

std::string program() { return STRAIT_PROGRAM; }

std::string scenario(const std::string& name) {
  return fmt::format("{}/scenarios/{}.ini", STRAIT_SOURCE_DIR, name);
}

std::string script(const std::string& name) {
  return fmt::format("{}/scripts/{}", STRAIT_SOURCE_DIR, name);
}

std::string ground_truth(const std::string& name) {
  return fmt::format("{}/tests/groundtruth/{}", STRAIT_SOURCE_DIR, name);
}

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::map<std::string, std::string> files_in(const std::string& folder) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path().lexically_relative(folder)] = read_file(entry.path());
  }
  return files;
}

std::string only_line(const Ended& ended) {
  const std::string start = "strait: ";
  const bool one = ended.err.starts_with(start) && ended.err.ends_with('\n') &&
                   std::count(ended.err.begin(), ended.err.end(), '\n') == 1;
  return one ? ended.err.substr(start.size(), ended.err.size() - start.size() - 1)
             : "NOT ONE LINE: " + ended.err;
}

std::string mistake(const Words& words, const Child& child) {
  const auto before = files_in(child.folder);
  const Ended ended = run_strait(words, child);
  CHECK(ended.code == 2);
  CHECK(ended.out.empty());
  CHECK(files_in(child.folder) == before);
  CHECK_FALSE(std::filesystem::exists(child.folder + "/runs"));
  return only_line(ended);
}

}  // namespace strait
