// On systems that have no network namespaces.
#include "apps/validation/kernel/measure.h"
#include "core/base/errors.h"

namespace strait {

void check_measurable(const std::vector<MeasuredCase>&) {
  throw UserError("--kernel measures Linux's TCP in network namespaces: run it on Linux");
}

Measurement measure(const MeasuredCase& recorded, int) { return summarize(recorded, {}, 0); }

}  // namespace strait
