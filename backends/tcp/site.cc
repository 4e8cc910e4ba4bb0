#include "backends/tcp/site.h"

#include "core/base/check.h"

namespace strait {

Site::Site(UvLoop& loop, const SiteOptions& options)
    : self_(options.self),
      network_(loop, options.self, options.sockets, options.listen, options.listen_key) {
  if (options.line) line_.emplace(loop, network_, *options.line);
  if (options.desk) desk_.emplace(loop, network_, *options.desk);
}

Network& Site::endpoint(PeerId peer) {
  STRAIT_CHECK(peer == self_, "peer {} is asked for in the process of peer {}", index_of(peer),
               index_of(self_));
  return network_;
}

}  // namespace strait
