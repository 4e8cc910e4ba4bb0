// Storage: where journals and checkpoints go, so that a simulated crash can be tested for.
//
// What is appended survives a crash once sync() returned; a file's new name survives once rename()
// returned. File names are plain names inside one folder, or FOLDER/NAME where a storage has
// folders. After a StorageError from append the file is as it was before; after one from sync
// nothing is known, and the file takes no more (a kernel may drop what it could not write and say
// so only once).
//
// Thread: one, the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/base/errors.h"
#include "core/base/rng.h"
#include "core/base/units.h"

namespace strait {

/// The disk would not: file and reason in one line. Ends the run like any UserError.
class StorageError : public UserError {
 public:
  using UserError::UserError;
};

class Storage {
 public:
  virtual ~Storage() = default;

  /// Adds to the end; makes the file if it is not there.
  virtual void append(const std::string& file, std::span<const std::byte> bytes) = 0;

  /// Makes everything appended so far durable, and the file's existence too. Returns how much later
  /// on the virtual clock that is so; 0 for real files, where the time has passed.
  virtual Nanos sync(const std::string& file) = 0;

  /// All bytes, synced or not; nothing if there is no such file.
  virtual std::optional<std::vector<std::byte>> read(const std::string& file) = 0;

  /// Durable when it returns; replaces `to`. Sync `from` before, or a crash may leave it torn.
  virtual void rename(const std::string& from, const std::string& to) = 0;

  /// Keeps other storages, of this and other processes, from locking the same; until this one ends.
  /// A StorageError if somebody has done so. Again by the same storage is no error.
  virtual void lock(const std::string& file) = 0;
};

/// A storage with folders in it, one level deep. rename() moves a folder with its files to a name
/// that nothing has.
class FolderStorage : public Storage {
 public:
  /// Durable when it returns. It may be there already.
  virtual void make_folder(const std::string& folder) = 0;

  /// The names in a folder ("" is the storage's own), sorted; none if there is no such folder.
  virtual std::vector<std::string> list(const std::string& folder) = 0;

  /// A file, or a folder with its files; nothing if it is not there. After a crash some of it may
  /// be there again.
  virtual void remove(const std::string& name) = 0;
};

/// Files in a folder that exists.
class FileStorage : public FolderStorage {
 public:
  explicit FileStorage(std::string folder) : folder_(std::move(folder)) {}
  ~FileStorage() override;
  FileStorage(const FileStorage&) = delete;
  FileStorage& operator=(const FileStorage&) = delete;

  void append(const std::string& file, std::span<const std::byte> bytes) override;
  Nanos sync(const std::string& file) override;
  std::optional<std::vector<std::byte>> read(const std::string& file) override;
  void rename(const std::string& from, const std::string& to) override;
  /// Locks the folder: no file has to be left behind.
  void lock(const std::string& file) override;
  void make_folder(const std::string& folder) override;
  std::vector<std::string> list(const std::string& folder) override;
  void remove(const std::string& name) override;

 private:
  struct Open {
    int descriptor = -1;
    bool broken = false;  // a sync failed, or a failed append could not be taken back
  };
  Open& open(const std::string& file);
  /// A file, or all files of a folder.
  void forget(const std::string& name);
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  [[noreturn]] void fail(const std::string& file, int error) const;

  std::string folder_;
  std::map<std::string, Open> open_;
  int locked_ = -1;  // the folder's descriptor
};

/// Memory that forgets at a crash what was not synced.
class SimulatedStorage : public FolderStorage {
 public:
  void append(const std::string& file, std::span<const std::byte> bytes) override;
  Nanos sync(const std::string& file) override;
  std::optional<std::vector<std::byte>> read(const std::string& file) override;
  void rename(const std::string& from, const std::string& to) override;
  void lock(const std::string&) override {}  // there is nobody else
  void make_folder(const std::string& folder) override { folders_.insert(folder); }
  std::vector<std::string> list(const std::string& folder) override;
  void remove(const std::string& name) override;

  /// The machine dies and comes back: files that were never synced nor renamed are gone, the others
  /// end where they were synced.
  void crash() { crash(nullptr); }

  /// Likewise, but some of what was not synced is there all the same: any number of its first
  /// bytes, drawn from `rng`. What a reader has to be able to tell from a whole record.
  void crash_with_torn_tails(Rng& rng) { crash(&rng); }

 private:
  struct File {
    std::vector<std::byte> bytes;
    std::size_t synced = 0;
    bool exists = false;  // would be found after a crash
  };
  void crash(Rng* rng);

  std::map<std::string, File> files_;
  std::set<std::string> folders_;
};

}  // namespace strait
