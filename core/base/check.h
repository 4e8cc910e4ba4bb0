// STRAIT_CHECK: an invariant of ours. Always on; a failure is a bug in Strait, never the user's
// mistake (UserError, core/base/errors.h) and never the network being a network (Outcome).
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace strait {

/// Thrown by STRAIT_CHECK, so that an island's thread unwinds and the run ends with one message.
class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);

}  // namespace strait

/// STRAIT_CHECK(condition, "format {}", values...): the message says the values that broke it.
#define STRAIT_CHECK(condition, ...)                                                      \
  do {                                                                                    \
    if (!(condition)) [[unlikely]]                                                        \
      ::strait::check_failed(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
  } while (false)
