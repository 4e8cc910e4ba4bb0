// What a probe of a real link and the other end of it say to each other, over TCP.
//
// Each connection is for one thing. It begins with a request of the probe and a reply, both of a
// fixed size; then, if the reply is kGo,
//
//   kEcho      what comes goes back as it is, until the probe closes;
//   kUpload    the probe sends whatever it likes until its time is over, and ends; the server ends
//              too when all has come;
//   kDownload  the server sends as long as the request says; the last bytes, before it ends, are
//              what its kernel says of the sending.
//
// Little-endian, bounded: nothing that comes makes anybody allocate. Values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/units.h"

namespace strait {

inline constexpr std::uint32_t kProbeVersion = 1;

// What a server does for a probe, at most.
inline constexpr int kMostProbeConnections = 64;
inline constexpr Nanos kMostProbeTime{60'000'000'000};    // of sending, per connection
inline constexpr Bytes kMostProbeBytes = Bytes{1} << 37;  // per connection: 18 Gbit/s for a minute

/// Nobody answers for so long: they are not there, or no strait net serve.
inline constexpr Nanos kProbeSilence{5'000'000'000};
/// Nothing moves for so long in a transfer: it has failed.
inline constexpr Nanos kProbeStalled{15'000'000'000};

enum class ProbeKind : std::uint8_t { kEcho = 1, kUpload = 2, kDownload = 3 };

enum class ProbeCongestion : std::uint8_t { kCubic = 1, kBbr = 2 };
std::string_view name_of(ProbeCongestion congestion);  // as the kernel has it

struct ProbeRequest {
  ProbeKind kind = ProbeKind::kEcho;
  ProbeCongestion congestion = ProbeCongestion::kCubic;
  Nanos time{0};             // of sending
  BytesPerSecond pacing{0};  // of what is sent, headers not counted; 0: as fast as TCP likes
};

enum class ProbeReply : std::uint32_t {
  kGo = 0,
  kOtherVersion = 1,  // than that of the reply
  kBad = 2,           // a request that cannot be
  kBusy = 3,          // another machine is being measured, or too many connections
  kNoCongestion = 4,  // this kernel does not have it
};

inline constexpr std::size_t kProbeRequestBytes = 40;
inline constexpr std::size_t kProbeReplyBytes = 16;

std::array<std::byte, kProbeRequestBytes> pack(const ProbeRequest& request);
std::array<std::byte, kProbeReplyBytes> pack(ProbeReply reply);

/// The reply that a request is due if it cannot be served, or nothing if it may be. `stranger`: it
/// is no request at all and due nothing.
struct ReadRequest {
  ProbeRequest request{};
  bool stranger = false;
  std::optional<ProbeReply> refusal{};
};
ReadRequest read_request(std::span<const std::byte, kProbeRequestBytes> bytes);

struct ReadReply {
  ProbeReply reply = ProbeReply::kGo;
  std::uint32_t version = 0;  // of who answers
};
/// Nothing if that is no answer of a strait net serve.
std::optional<ReadReply> read_reply(std::span<const std::byte, kProbeReplyBytes> bytes);

/// What the sender's kernel says of a transfer (TCP_INFO).
struct SenderFigures {
  Bytes payload = 0;            // that the kernel took
  BytesPerSecond goodput{0};    // payload that had arrived, in the last two thirds of the time
  std::int64_t segments = 0;    // with payload, sent again or not
  std::int64_t sent_again = 0;  // of them
  std::int64_t in_vain = 0;     // of those: the first had arrived after all, the receiver says
  Nanos high_rtt{0};            // smoothed; 49 of 50 that were seen are no longer
  Nanos held_up{0};             // the receiver's window or the sender's buffer was full
};
inline constexpr std::size_t kSenderFiguresBytes = 56;

std::array<std::byte, kSenderFiguresBytes> pack(const SenderFigures& figures);
SenderFigures read_sender_figures(std::span<const std::byte, kSenderFiguresBytes> bytes);

}  // namespace strait
