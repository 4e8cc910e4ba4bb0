// What islands and the coordinator's desk say to each other (rendezvous.h).
//
// A message is its length (u32) and so many bytes, which begin with "join", the protocol's version
// and the kind. The first two never move, so that any two versions can name each other. All is
// bounded by what the reader allows.
//
// Values only, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "backends/tcp/rendezvous.h"
#include "core/comm/wire.h"

namespace strait::rendezvous {

/// For a place; answered by JoinReply or Refused.
struct Ask {
  std::optional<IslandId> island;
  std::string program;
};

/// I am this island, and reached there (no host: where you see me). Answered by Reached and the
/// book, or Refused.
struct Here {
  std::uint64_t run_id = 0;
  IslandId island = 0;
  std::uint64_t incarnation = 0;
  HostPort at;
};

/// To the desk: I want this peer to dial me, for a call of mine. From it: this peer wants you to.
struct Call {
  PeerId peer{};
  std::uint64_t call = 0;
};

struct Refused {
  std::string why;
};

/// Where a peer is; no host: at the machine of the coordinator.
struct Entry {
  PeerId peer{};
  HostPort at;
  bool takes_calls = true;
};

struct Reached {
  bool ok = false;
  std::string what;  // the address, or why not
};

using ToDesk = std::variant<Ask, Here, Call>;
using FromDesk = std::variant<JoinReply, Refused, Entry, Reached, Call>;

inline constexpr std::size_t kLongestToDesk = 4096;
inline constexpr std::size_t kLongestFromDesk = kLongestSettings + 65'536;

/// With the length before it.
std::vector<std::byte> pack(const ToDesk& message);
std::vector<std::byte> pack(const FromDesk& message);

/// Nothing if the bytes are no message of any version.
std::optional<std::uint32_t> version_of(std::span<const std::byte> message);

/// Of our version. Nothing if the bytes are no possible message.
std::optional<ToDesk> unpack_to_desk(std::span<const std::byte> message);
std::optional<FromDesk> unpack_from_desk(std::span<const std::byte> message);

/// Cuts what arrives into messages.
class Cutter {
 public:
  explicit Cutter(std::size_t longest) : longest_(longest) {}

  void add(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  /// The next whole message, if there is one.
  std::optional<std::vector<std::byte>> next();

  /// What comes next is longer than any message: nothing follows.
  bool is_lost() const { return is_lost_; }

 private:
  const std::size_t longest_;
  std::vector<std::byte> bytes_;
  bool is_lost_ = false;
};

}  // namespace strait::rendezvous
