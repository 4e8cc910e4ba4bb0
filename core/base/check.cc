#include "core/base/check.h"

namespace strait {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw BrokenInvariant(fmt::format("{}:{}: check failed: {}: {}", file, line, condition, message));
}

}  // namespace strait
