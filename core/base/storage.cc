#include "core/base/storage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/base/check.h"
#include "core/base/files.h"

namespace strait {
namespace {

/// 0 or the errno; partial writes are continued.
int write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

/// Whether `file` is `name`, or lies in a folder of that name.
bool is_in(const std::string& file, const std::string& name) {
  return file == name || file.starts_with(name + "/");
}

}  // namespace

FileStorage::~FileStorage() {
  for (const auto& [file, state] : open_) ::close(state.descriptor);
  if (locked_ >= 0) ::close(locked_);
}

void FileStorage::lock(const std::string& file) {
  if (locked_ >= 0) return;
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail(file, errno);
  if (::flock(folder, LOCK_EX | LOCK_NB) != 0) {
    ::close(folder);
    throw StorageError(
        path(file) +
        ": another coordinator uses it; stop that one, or give another folder with run.out");
  }
  locked_ = folder;
}

void FileStorage::fail(const std::string& file, int error) const {
  throw StorageError(cannot_write(path(file), error));
}

FileStorage::Open& FileStorage::open(const std::string& file) {
  if (const auto found = open_.find(file); found != open_.end()) {
    if (found->second.broken) fail(file, EIO);
    return found->second;
  }
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const int descriptor = ::open(path(file).c_str(), flags, 0666);
  if (descriptor < 0) fail(file, errno);
  return open_[file] = Open{.descriptor = descriptor};
}

void FileStorage::forget(const std::string& name) {
  std::erase_if(open_, [&](const auto& entry) {
    if (!is_in(entry.first, name)) return false;
    ::close(entry.second.descriptor);
    return true;
  });
}

void FileStorage::append(const std::string& file, std::span<const std::byte> bytes) {
  Open& state = open(file);
  struct stat before {};
  if (::fstat(state.descriptor, &before) != 0) fail(file, errno);
  const int error = write_all(state.descriptor, bytes);
  if (error == 0) return;
  // Half a record must not stay where a later append would hide it.
  state.broken = ::ftruncate(state.descriptor, before.st_size) != 0;
  fail(file, error);
}

Nanos FileStorage::sync(const std::string& file) {
  Open& state = open(file);
  const int error = ::fsync(state.descriptor) == 0 ? sync_folder(folder_of(path(file))) : errno;
  if (error == 0) return Nanos{0};
  state.broken = true;
  fail(file, error);
}

std::optional<std::vector<std::byte>> FileStorage::read(const std::string& file) {
  if (::access(path(file).c_str(), F_OK) != 0 && errno == ENOENT) return std::nullopt;
  const std::string contents = read_file(path(file));
  const auto* first = reinterpret_cast<const std::byte*>(contents.data());
  return std::vector<std::byte>(first, first + contents.size());
}

void FileStorage::rename(const std::string& from, const std::string& to) {
  const auto source = open_.find(from);
  if (source != open_.end() && source->second.broken) fail(from, EIO);
  // Descriptors would go on writing to the old names' files.
  forget(from);
  forget(to);
  if (::rename(path(from).c_str(), path(to).c_str()) != 0) fail(to, errno);
  if (const int error = sync_folder(folder_); error != 0) fail(to, error);
}

void FileStorage::make_folder(const std::string& folder) {
  if (::mkdir(path(folder).c_str(), 0777) != 0 && errno != EEXIST) fail(folder, errno);
  if (const int error = sync_folder(folder_); error != 0) fail(folder, error);
}

std::vector<std::string> FileStorage::list(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path(folder), ignored)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void FileStorage::remove(const std::string& name) {
  forget(name);
  std::error_code error;
  std::filesystem::remove_all(path(name), error);
  if (error) fail(name, error.value());
}

void SimulatedStorage::append(const std::string& file, std::span<const std::byte> bytes) {
  auto& content = files_[file].bytes;
  content.insert(content.end(), bytes.begin(), bytes.end());
}

Nanos SimulatedStorage::sync(const std::string& file) {
  File& state = files_[file];
  state.synced = state.bytes.size();
  state.exists = true;
  return Nanos{0};
}

std::optional<std::vector<std::byte>> SimulatedStorage::read(const std::string& file) {
  const auto found = files_.find(file);
  if (found == files_.end()) return std::nullopt;
  return found->second.bytes;
}

void SimulatedStorage::rename(const std::string& from, const std::string& to) {
  if (const auto folder = folders_.find(from); folder != folders_.end()) {
    folders_.erase(folder);
    folders_.insert(to);
    std::map<std::string, File> moved;
    for (auto& [file, state] : files_) {
      moved[is_in(file, from) ? to + file.substr(from.size()) : file] = std::move(state);
    }
    files_ = std::move(moved);
    return;
  }
  const auto found = files_.find(from);
  if (found == files_.end()) throw StorageError(cannot_write(to, ENOENT));
  File moved = std::move(found->second);
  files_.erase(found);
  moved.exists = true;  // the folder is synced, the content is not
  files_[to] = std::move(moved);
}

std::vector<std::string> SimulatedStorage::list(const std::string& folder) {
  const std::string prefix = folder.empty() ? "" : folder + "/";
  std::set<std::string> names;
  for (const auto& [file, state] : files_) {
    if (file.starts_with(prefix)) {
      names.insert(file.substr(prefix.size(), file.find('/', prefix.size()) - prefix.size()));
    }
  }
  if (folder.empty()) names.insert(folders_.begin(), folders_.end());
  return {names.begin(), names.end()};
}

void SimulatedStorage::remove(const std::string& name) {
  std::erase_if(files_, [&](const auto& entry) { return is_in(entry.first, name); });
  folders_.erase(name);
}

void SimulatedStorage::crash(Rng* rng) {
  for (auto file = files_.begin(); file != files_.end();) {
    File& state = file->second;
    if (!state.exists) {
      file = files_.erase(file);
      continue;
    }
    const std::size_t loose = state.bytes.size() - state.synced;
    const std::size_t kept = rng == nullptr ? 0 : rng->below(loose + 1);
    state.bytes.resize(state.synced + kept);
    state.synced = state.bytes.size();
    ++file;
  }
}

}  // namespace strait
