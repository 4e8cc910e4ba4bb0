// The user's mistake: found before training starts, told in one line, exit code 2.
#pragma once

#include <stdexcept>
#include <string>

namespace strait {

/// what() is the whole line: where (file:line or key), the value, and how to mend it.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace strait
