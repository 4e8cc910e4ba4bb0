// How many threads LibTorch uses inside one operation.
#pragma once

namespace strait {

/// For the calling thread (OpenMP keeps the number per thread): each island's thread calls it
/// first. Part of a run's configuration: another number gives other last bits.
void set_intra_op_threads(int threads);

/// Of the calling thread.
int intra_op_threads();

}  // namespace strait
