// Hello: the first frame on every connection, from the peer that dialled: who it is, and what both
// must agree in. The other side compares; what differs is named on both sides.
//
// Values only, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/outcome.h"
#include "core/comm/stream.h"
#include "core/comm/wire.h"

namespace strait {

/// A setting in which two peers must agree, told by name when they do not.
struct HelloSetting {
  std::string key;    // "model", "strategy", "codec", "data"
  std::string value;  // its hash or its text
};

struct Hello {
  std::uint32_t version = kProtocolVersion;
  std::uint64_t run_id = 0;
  PeerId from{};
  Plane plane = Plane::kData;  // what the connection is for
  /// Which life of the peer this is; a process that starts anew has a higher one.
  std::uint64_t incarnation = 0;
  /// Counted by the dialling peer: all connections of one session have the same number, and a
  /// higher one means that it has given the earlier session up.
  std::uint64_t session = 0;
  /// Of a data connection, among those of its session. What comes twice was not sent twice.
  std::uint8_t number = 0;
  std::vector<HelloSetting> settings;
};

std::vector<std::byte> pack(const Hello& hello);

/// Of another protocol version only the version is read. kMismatch if the bytes are no hello.
Outcome<Hello> unpack_hello(std::span<const std::byte> bytes);

/// What the two do not agree in, first found first, as a sentence; empty if all is well.
std::string difference(const Hello& theirs, const Hello& ours);

}  // namespace strait
