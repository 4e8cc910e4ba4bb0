// Files that are there completely or not at all: a temporary name in the same folder, fsync,
// rename, fsync of the folder. Errors are UserErrors that name the file and the reason, because a
// full disk or a forbidden folder is the user's to mend.
//
// Thread: any, but one thread per AtomicFile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strait {

/// Streamed writing. Nothing is seen under `path` before commit(); a file that was not committed
/// (an exception passed, say) leaves nothing behind. A killed program may leave PATH.tmp-PID-N.
class AtomicFile {
 public:
  /// `option` is where the user says what folder is written to, for errors.
  explicit AtomicFile(std::string path, std::string option = "run.out");
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view text);
  void write(std::span<const std::byte> bytes);

  /// Makes the file durable and gives it its name, in place of an older one. Once; write no more.
  void commit();

  std::int64_t size() const { return size_; }  // bytes written so far

 private:
  void flush();
  void put(const char* data, std::size_t count);
  [[noreturn]] void fail(int error);
  void discard() noexcept;

  std::string path_;
  std::string option_;
  std::string temporary_;
  std::string buffer_;  // small writes are gathered
  std::int64_t size_ = 0;
  int file_ = -1;
};

/// `option` as of AtomicFile.
void write_file_atomically(const std::string& path, std::string_view contents,
                           std::string option = "run.out");

/// Throws what writing there would throw, and leaves nothing: before hours are spent on what is to
/// be written. An empty path passes.
void check_can_write(const std::string& path, const std::string& option);

/// A folder that is there completely or not at all. Files are made in temporary(); one that was not
/// committed leaves nothing behind. A killed program may leave PATH.tmp-PID-N.
class AtomicFolder {
 public:
  /// UserError if there is something under `path` already, or `option` (see AtomicFile) names a
  /// place where no folder can be made.
  AtomicFolder(std::string path, std::string option);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::string& temporary() const { return temporary_; }

  /// Gives the folder its name. Once.
  void commit();

 private:
  void check_free() const;

  std::string path_, option_, temporary_;
};

/// Whether `path` is a pattern of file names, such as texts/*.txt.
bool is_pattern(const std::string& path);

/// The paths that a pattern stands for, sorted by their bytes; those of no pattern are itself, if
/// it is there.
std::vector<std::string> files_matching(const std::string& path);

std::string read_file(const std::string& path);

/// "cannot write PATH: No space left on device; free space or give another folder with run.out"
std::string cannot_write(const std::string& path, int error, std::string_view option = "run.out");

/// Makes the renames and creations in `folder` durable; 0 or the errno.
int sync_folder(const std::string& folder);

/// The folder part of a path; "." if there is none.
std::string folder_of(const std::string& path);

/// Lets writes beyond the file size limit (ulimit -f) fail with an error instead of killing the
/// program by SIGXFSZ. main calls this once.
void report_file_size_limit_as_error();

}  // namespace strait
