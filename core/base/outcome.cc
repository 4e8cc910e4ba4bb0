#include "core/base/outcome.h"

namespace strait {

std::string_view to_string(FailureKind kind) {
  switch (kind) {
    case FailureKind::kClosed: return "closed";
    case FailureKind::kRefused: return "refused";
    case FailureKind::kMismatch: return "mismatch";
    case FailureKind::kCancelled: return "cancelled";
    case FailureKind::kAborted: return "aborted";
    case FailureKind::kTimeout: return "timeout";
  }
  return "unknown";
}

}  // namespace strait
