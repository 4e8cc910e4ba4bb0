// EventLog: what happened in a simulation, in words, when somebody wants to read it.
//
// Thread: any.
#pragma once

#include <fmt/format.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/units.h"

namespace strait {

class EventLog {
 public:
  explicit EventLog(bool on) : on_(on) {}

  template <class... Args>
  void add(Nanos time, fmt::format_string<Args...> text, Args&&... args) {
    if (!on_) return;
    std::string line =
        fmt::format("{:12.6f}  ", seconds(time)) + fmt::format(text, std::forward<Args>(args)...);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  bool on() const { return on_; }

  /// When nobody adds any more.
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  const bool on_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace strait
