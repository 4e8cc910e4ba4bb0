// What we ask of the kernel's TCP, and what it tells of a connection.
//
// Functions take a descriptor that the caller owns; any thread.
#pragma once

#include <optional>
#include <string>

#include "core/base/units.h"
#include "core/comm/stream.h"

namespace strait {

struct SocketOptions {
  /// TCP's congestion control, as the kernel names it; empty: its default.
  std::string congestion;
  /// Of the kernel's buffers, which it then no longer sizes itself; 0: it does.
  Bytes send_buffer = 0;
  Bytes receive_buffer = 0;
  /// What a data socket takes beyond what is under way.
  Bytes unsent = 256 * 1024;
  /// A dial that nobody has answered by then is over.
  Nanos dial_timeout{5'000'000'000};
};

/// Before the handshake, which announces what the buffers allow; NODELAY as well. What an old
/// kernel does not know is left out.
void prepare_socket(int descriptor, const SocketOptions& options);

/// A data socket takes no more than this beyond what is under way.
void limit_unsent(int descriptor, Bytes bytes);

/// A connection that may rest for long is over when the other machine has been silent for half a
/// minute: its kernel, not its program.
void end_when_silent(int descriptor);

/// TCP_INFO.
std::optional<StreamFigures> socket_figures(int descriptor);

/// What a socket of these options gets: the congestion control and the buffers of the kernel, for
/// people. Throws UserError if the kernel does not have the congestion control.
std::string describe_sockets(const SocketOptions& options);

}  // namespace strait
