// On systems that have no network namespaces.
#include "apps/validation/kernel/measure.h"
#include "core/base/errors.h"

namespace strait {
namespace {

[[noreturn]] void refuse() {
  throw UserError("--kernel measures Linux's TCP in network namespaces; run it on Linux");
}

}  // namespace

void check_measurable(const std::vector<MeasuredCase>&) { refuse(); }

Measurement measure(const MeasuredCase&, int) { refuse(); }

}  // namespace strait
