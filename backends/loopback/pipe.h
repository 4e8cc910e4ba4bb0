// The perfect network inside one process: no delay, no limit, no headers; references are passed on.
//
// What streams and networks promise (core/comm/stream.h) and nothing else: what was offered as one
// arrives as an event of its own on the loop, in the order of the calls that caused it. For tests,
// and for runs that want to know what training alone costs.
//
// Thread: the loop's, which outlives the network. A stream that outlives the network is dead.
#pragma once

#include <memory>
#include <vector>

#include "core/base/loop.h"
#include "core/comm/stream.h"

namespace strait {

struct PipeOptions {
  /// Bytes on their way in one direction before room() is used up.
  Bytes send_buffer = 4 << 20;
};

class PipeNetwork {
 public:
  /// Peers 0 (the coordinator) to `peers` - 1.
  PipeNetwork(Loop& loop, int peers, const PipeOptions& options = {});
  ~PipeNetwork();
  PipeNetwork(const PipeNetwork&) = delete;
  PipeNetwork& operator=(const PipeNetwork&) = delete;

  /// One peer's view. Lives as long as this object.
  Network& endpoint(PeerId peer);

 private:
  struct Hub;
  class Endpoint;
  std::shared_ptr<Hub> hub_;
  std::vector<std::unique_ptr<Network>> endpoints_;
};

}  // namespace strait
