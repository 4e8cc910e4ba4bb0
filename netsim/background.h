// What others send over the links, beside the peers: each transfer a TCP connection of its own,
// with a handshake and a slow start, that is forgotten when its last byte has arrived.
//
// A transfer passes one link of the network and nothing else of it; its acknowledgements come back
// over a link without limit, in the time that makes the round trip the longest of the paths over
// the link. Who waits is in the way: at most kMostAtOnce transfers are open on a link, and those
// that would come on top of it do not begin.
//
// When they begin is LinkPlayback's. Thread: the loop's, as for the links it is given.
#pragma once

#include <map>
#include <vector>

#include "netsim/description.h"
#include "netsim/links.h"

namespace strait {

class BackgroundTraffic {
 public:
  static constexpr int kMostAtOnce = 64;

  /// Adds the ways back to `links`, which has those of the description.
  BackgroundTraffic(const NetworkDescription& description, Links& links);

  /// A transfer of `size` bytes begins on a link that has background traffic. Not from a LinkSink.
  void begin(Links& links, int link, Bytes size, Nanos now);

  /// So much of one of its flows has arrived.
  void arrived(FlowId flow, Bytes payload);

 private:
  struct OnLink {
    LinkId back{};
    int open = 0;
    std::uint64_t begun = 0;
  };
  struct Transfer {
    Links::Connection flows;
    int link = 0;
    Bytes size = 0;
  };

  std::map<int, OnLink> links_;
  std::map<FlowId, Transfer> transfers_;  // by the flow that sends
  std::vector<FlowId> done_;              // not forgotten yet
};

}  // namespace strait
