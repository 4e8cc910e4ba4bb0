// A rank of Gloo's all-reduce over TCP, for collective_bench.py (command line: collective_rank.h).
// Built where Gloo is found (apt-get install libgloo-dev); no other part of Strait needs it.
//
// --algorithm ring (the default) is gloo::allreduce, what torch.distributed calls: in place,
// segments of 1 MiB at most, two in flight. --algorithm ring_chunked is the older
// AllreduceRingChunked. Both over pairs as they are made by default: a thread of Gloo's reads and
// writes the sockets.
#include <gloo/allreduce.h>
#include <gloo/allreduce_ring_chunked.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>

#include <vector>

#include "core/base/errors.h"
#include "tests/bench/collective_rank.h"

namespace strait {
namespace {

std::shared_ptr<gloo::rendezvous::Context> connect(const RankOptions& options) {
  gloo::rendezvous::FileStore store(options.dir);
  auto device = gloo::transport::tcp::CreateDevice("127.0.0.1");
  auto context = std::make_shared<gloo::rendezvous::Context>(options.rank, options.size);
  context->connectFullMesh(store, device);
  return context;
}

void run(const RankOptions& options) {
  if (!options.codec.empty() && options.codec != "fp32") {
    throw UserError("--codec: Gloo has none but fp32");
  }
  const auto context = connect(options);
  std::vector<float> tensor(static_cast<std::size_t>(options.bytes) / sizeof(float));

  gloo::AllreduceOptions ring(context);
  ring.setAlgorithm(gloo::AllreduceOptions::Algorithm::RING);
  ring.setOutput(tensor.data(), tensor.size());
  using Sum = void (*)(void*, const void*, const void*, std::size_t);
  ring.setReduceFunction(static_cast<Sum>(&gloo::sum<float>));

  std::function<void()> all_reduce;
  if (options.algorithm.empty() || options.algorithm == "ring") {
    all_reduce = [&] { gloo::allreduce(ring); };
  } else if (options.algorithm == "ring_chunked") {
    auto chunked = std::make_shared<gloo::AllreduceRingChunked<float>>(
        context, std::vector<float*>{tensor.data()}, static_cast<int>(tensor.size()));
    all_reduce = [chunked] { chunked->run(); };
  } else {
    throw UserError("--algorithm: write ring or ring_chunked");
  }
  run_repetitions(options, {.prepare = [&] { fill_contribution(options.rank, tensor); },
                            .run = all_reduce,
                            .check = [&] { check_sum(options.size, tensor, 1); }});
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) { return strait::rank_main(argc, argv, strait::run); }
