#include "core/train/tasks/threads.h"

#include <ATen/Parallel.h>

#include "core/base/check.h"

namespace strait {

void set_intra_op_threads(int threads) {
  STRAIT_CHECK(threads > 0, "{} intra-op threads", threads);
  // A thread's first look at the number overwrites it with the one set last anywhere: let it look
  // before it is set.
  at::get_num_threads();
  at::set_num_threads(threads);
}

int intra_op_threads() { return at::get_num_threads(); }

}  // namespace strait
