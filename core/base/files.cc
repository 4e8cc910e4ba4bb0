#include "core/base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/base/check.h"
#include "core/base/errors.h"

namespace strait {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;

std::string fix_for(int error, std::string_view option) {
  const std::string other = fmt::format("give another folder with {}", option);
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free space or " + other;
    case EFBIG: return "raise the limit (ulimit -f) or " + other;
    case ENOENT: return fmt::format("make that folder first or give another one with {}", option);
    default: return other;
  }
}

/// Beside `path`. Counted, not random: tests and runs are repeatable.
std::string temporary_name(const std::string& path) {
  static std::atomic<int> counter{0};
  return fmt::format("{}.tmp-{}-{}", path, ::getpid(), counter++);
}

/// A file of a new name.
int open_temporary(const std::string& path, std::string& name) {
  while (true) {
    name = temporary_name(path);
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0 || errno != EEXIST) return file;
  }
}

}  // namespace

std::string cannot_write(const std::string& path, int error, std::string_view option) {
  return fmt::format("cannot write {}: {}; {}", path, std::strerror(error), fix_for(error, option));
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

int sync_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno;
  // Some file systems cannot sync a folder and say EINVAL; there is nothing more to do for them.
  const int error = ::fsync(file) == 0 || errno == EINVAL ? 0 : errno;
  ::close(file);
  return error;
}

AtomicFile::AtomicFile(std::string path, std::string option)
    : path_(std::move(path)), option_(std::move(option)) {
  file_ = open_temporary(path_, temporary_);
  if (file_ < 0) throw UserError(cannot_write(path_, errno, option_));
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::write(std::string_view text) {
  STRAIT_CHECK(file_ >= 0, "{} is committed or has failed", path_);
  size_ += static_cast<std::int64_t>(text.size());
  if (buffer_.size() + text.size() > kBuffer) flush();
  if (text.size() > kBuffer) {
    put(text.data(), text.size());
  } else {
    buffer_ += text;
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void AtomicFile::flush() {
  put(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::put(const char* data, std::size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(file_, data, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    data += written;
    count -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  STRAIT_CHECK(file_ >= 0, "{} is committed or has failed", path_);
  flush();
  if (::fsync(file_) != 0) fail(errno);
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  temporary_.clear();
  if (const int error = sync_folder(folder_of(path_)); error != 0) fail(error);
}

void AtomicFile::fail(int error) {
  discard();
  throw UserError(cannot_write(path_, error, option_));
}

void AtomicFile::discard() noexcept {
  if (file_ >= 0) ::close(std::exchange(file_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void write_file_atomically(const std::string& path, std::string_view contents, std::string option) {
  AtomicFile file(path, std::move(option));
  file.write(contents);
  file.commit();
}

void check_can_write(const std::string& path, const std::string& option) {
  if (!path.empty()) AtomicFile(path, option);
}

AtomicFolder::AtomicFolder(std::string path, std::string option)
    : path_(std::move(path)), option_(std::move(option)) {
  while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  check_free();
  int error = 0;
  do {
    temporary_ = temporary_name(path_);
    error = ::mkdir(temporary_.c_str(), 0777) == 0 ? 0 : errno;
  } while (error == EEXIST);
  if (error != 0) throw UserError(cannot_write(path_, error, option_));
}

void AtomicFolder::check_free() const {
  struct stat info {};
  if (::lstat(path_.c_str(), &info) != 0) return;
  throw UserError(
      fmt::format("{} is there already; remove it or give another name with {}", path_, option_));
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  check_free();
  int error = sync_folder(temporary_);
  if (error == 0 && ::rename(temporary_.c_str(), path_.c_str()) != 0) error = errno;
  if (error != 0) throw UserError(cannot_write(path_, error, option_));
  temporary_.clear();
  error = sync_folder(folder_of(path_));
  if (error != 0) throw UserError(cannot_write(path_, error, option_));
}

bool is_pattern(const std::string& path) { return path.find_first_of("*?[") != std::string::npos; }

std::vector<std::string> files_matching(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return {path};
  glob_t found{};
  std::vector<std::string> paths;
  if (is_pattern(path) && ::glob(path.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string contents;
  int error = file < 0 ? errno : 0;
  while (error == 0) {
    const std::size_t held = contents.size();
    contents.resize(held + kBuffer);
    const ssize_t count = ::read(file, contents.data() + held, kBuffer);
    contents.resize(held + static_cast<std::size_t>(count > 0 ? count : 0));
    if (count == 0) break;
    if (count < 0 && errno != EINTR) error = errno;
  }
  if (file >= 0) ::close(file);
  if (error != 0) throw UserError(fmt::format("cannot read {}: {}", path, std::strerror(error)));
  return contents;
}

void report_file_size_limit_as_error() { std::signal(SIGXFSZ, SIG_IGN); }

}  // namespace strait
