// PipeNetwork: the network of one process that is no network: what is offered arrives at the same
// instant, in order, by reference. What trains over it is what trains over every other network.
//
// Thread: the loop's.
#pragma once

#include <map>
#include <memory>

#include "core/base/loop.h"
#include "core/comm/stream.h"

namespace strait {

class PipeNetwork {
 public:
  explicit PipeNetwork(Loop& loop);
  ~PipeNetwork();

  /// The view of one peer; lives as long as this object.
  Network& endpoint(PeerId peer);

 private:
  class Endpoint;
  class End;

  Loop& loop_;
  std::map<PeerId, std::unique_ptr<Endpoint>> endpoints_;
};

}  // namespace strait
