#include "netsim/tcp/runs.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

// The first run that ends at or behind `segment`.
std::size_t Runs::first_reaching(std::int64_t segment) const {
  const auto found =
      std::lower_bound(runs_.begin() + static_cast<std::ptrdiff_t>(head_), runs_.end(), segment,
                       [](const Run& run, std::int64_t value) { return run.end < value; });
  return static_cast<std::size_t>(found - runs_.begin());
}

void Runs::add(Run run) {
  if (run.count() <= 0) return;
  if (runs_.size() == head_ || run.first > runs_.back().end) {
    runs_.push_back(run);
    count_ += run.count();
    return;
  }
  const std::size_t at = first_reaching(run.first);
  std::size_t behind = at;
  for (; behind < runs_.size() && runs_[behind].first <= run.end; ++behind) {
    run.first = std::min(run.first, runs_[behind].first);
    run.end = std::max(run.end, runs_[behind].end);
    count_ -= runs_[behind].count();
  }
  count_ += run.count();
  const auto place = runs_.begin() + static_cast<std::ptrdiff_t>(at);
  if (behind == at) {
    runs_.insert(place, run);
    return;
  }
  *place = run;
  runs_.erase(place + 1, runs_.begin() + static_cast<std::ptrdiff_t>(behind));
}

void Runs::remove(Run run) {
  if (empty() || run.count() <= 0) return;
  for (std::size_t at = first_reaching(run.first + 1); at < runs_.size();) {
    const Run old = runs_[at];
    if (old.first >= run.end) break;
    const Run left{old.first, std::min(old.end, std::max(old.first, run.first))};
    const Run right{std::max(old.first, std::min(old.end, run.end)), old.end};
    count_ -= old.count() - left.count() - right.count();
    const auto place = runs_.begin() + static_cast<std::ptrdiff_t>(at);
    if (left.count() > 0 && right.count() > 0) {
      *place = left;
      runs_.insert(place + 1, right);
      break;
    }
    if (left.count() == 0 && right.count() == 0) {
      if (at == head_) {
        drop_head();
        at = head_;
      } else {
        runs_.erase(place);
      }
      continue;
    }
    *place = left.count() > 0 ? left : right;
    ++at;
  }
  if (empty()) clear();
}

Run Runs::take_front(std::int64_t most) {
  STRAIT_CHECK(!empty() && most > 0, "{} of {} segments are taken", most, count_);
  Run& front = runs_[head_];
  const Run taken{front.first, std::min(front.end, front.first + most)};
  front.first = taken.end;
  count_ -= taken.count();
  if (front.count() == 0) drop_head();
  return taken;
}

void Runs::drop_head() {
  ++head_;
  if (head_ == runs_.size()) return clear();
  if (head_ < 64 || 2 * head_ < runs_.size()) return;
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
}

void Runs::clear() {
  runs_.clear();
  head_ = 0;
  count_ = 0;
}

}  // namespace strait
