// FaultyStorage: a disk that takes its time, and forgets at a crash what it had not written.
//
// sync() draws how much later the bytes are durable; a crash before that loses them, but for a torn
// beginning. rename() waits for what was synced before (that this takes time is not modelled). Each
// append and sync is counted and told, so that a crash may be planned at any of them.
//
// Thread: the loop's; durable() also on an island's, while the loop waits for it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/base/loop.h"
#include "core/base/storage.h"

namespace strait {

class FaultyStorage final : public Storage {
 public:
  explicit FaultyStorage(std::uint64_t seed) : rng_(seed, "faulty storage") {}

  /// Whose time it is; before the first write.
  void attach(const Loop& loop) { loop_ = &loop; }

  /// From now on a sync takes between 0 and `longest`; it is drawn.
  void set_slowness(Nanos longest) { longest_ = longest; }

  /// Told the number of each append and sync, before it is done.
  void on_write(std::function<void(std::int64_t)> told) { told_ = std::move(told); }

  /// The machine dies: what is not durable by now is lost, or torn.
  void crash();

  /// What a crash would leave for certain.
  std::string durable(const std::string& file) const;

  void append(const std::string& file, std::span<const std::byte> bytes) override;
  Nanos sync(const std::string& file) override;
  std::optional<std::vector<std::byte>> read(const std::string& file) override;
  void rename(const std::string& from, const std::string& to) override;
  void lock(const std::string&) override {}

 private:
  struct File {
    std::string bytes;
    std::map<Nanos, std::size_t> synced;  // how many of them are durable, from when on
    std::size_t durable(Nanos now) const;
  };
  void count();

  const Loop* loop_ = nullptr;
  Rng rng_;
  Nanos longest_{0};
  std::function<void(std::int64_t)> told_;
  std::int64_t writes_ = 0;
  std::map<std::string, File> files_;
};

}  // namespace strait
