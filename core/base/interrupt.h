// Ctrl+C, for loops that are not libuv's.
#pragma once

#include <stdexcept>

namespace strait {

/// Ctrl+C ended the run.
class Interrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// While it lives the first SIGINT only asks; the next one ends the program. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
};

/// Whether a SIGINT has come while one was watched for. Any thread.
bool interrupt_asked();

}  // namespace strait
