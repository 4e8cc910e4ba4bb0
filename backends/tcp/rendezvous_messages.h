// What the two sides of a rendezvous say, and the frames it goes in. Values, and one stream.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "backends/tcp/rendezvous.h"
#include "core/comm/wire.h"

namespace strait {

struct AskMessage {
  std::uint32_t version = kProtocolVersion;
  IslandId island = -1;  // any
  std::string program;
};
struct PlaceMessage {
  JoinReply place;
};
struct RefusedMessage {
  std::string why;
};
struct RegisterMessage {
  std::uint32_t version = kProtocolVersion;
  std::uint64_t run_id = 0;
  IslandId island = 0;
  std::uint64_t incarnation = 0;
  std::string host;  // empty: where this connection comes from
  std::uint16_t port = 0;
};
struct BookMessage {
  PeerId peer{};
  std::string host;  // in numbers
  std::uint16_t port = 0;
  bool takes_calls = true;
};
struct ReachedMessage {
  bool reached = false;
  std::string where;
};
/// To the desk: `peer` shall dial us for this call. From it: dial `peer`.
struct CallMessage {
  PeerId peer{};
  std::uint64_t call = 0;
};

using JoinMessage = std::variant<AskMessage, PlaceMessage, RefusedMessage, RegisterMessage, BookMessage,
                                 ReachedMessage, CallMessage>;

/// Length and message.
std::vector<std::byte> pack_frame(const JoinMessage& message);

/// The message of one frame, without its length.
Outcome<JoinMessage> unpack_frame(std::span<const std::byte> frame);

inline constexpr std::uint32_t kLongestJoinFrame = 16 << 20;
/// What a stranger may send before anything is known of it.
inline constexpr std::uint32_t kLongestFromIslands = 4096;

/// Cuts what arrives into frames.
class FrameReader {
 public:
  explicit FrameReader(std::uint32_t longest) : longest_(longest) {}

  void add(std::span<const std::byte> bytes);

  /// The next message, if it is whole; kMismatch once what came is no message.
  std::optional<Outcome<JoinMessage>> next();

 private:
  const std::uint32_t longest_;
  std::vector<std::byte> bytes_;
};

}  // namespace strait
