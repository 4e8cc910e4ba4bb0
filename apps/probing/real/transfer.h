// The two ends of a transfer of a probe: who sends as fast as TCP lets and measures, and who takes.
//
// Both block; throw as ProbeSocket does. Thread: one per socket.
#pragma once

#include "apps/probing/real/probe_protocol.h"
#include "apps/probing/real/probe_socket.h"

namespace strait {

/// Sends for `time`, waits until all has been acknowledged (or kProbeStalled is over), and says
/// what the kernel says. Random bytes, which nobody on the way can compress.
SenderFigures send_for(const ProbeSocket& socket, Nanos time);

struct Received {
  Bytes total = 0;
  std::array<std::byte, kSenderFiguresBytes> last{};  // the last bytes
};

/// Until the end of what is sent. Throws if it is more, or takes longer, than any probe may.
Received receive_to_end(const ProbeSocket& socket);

}  // namespace strait
