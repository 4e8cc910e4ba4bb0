// What Strait's transport puts on a connection: a 40-byte frame header, then the frame's bytes.
//
// Everything is little-endian and bounded; a header that cannot be is answered with a reset, before
// any allocation. Reader and Writer serve the small control messages as well. Values only, any
// thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/outcome.h"
#include "core/base/units.h"
#include "core/comm/ledger.h"

namespace strait {

static_assert(std::endian::native == std::endian::little, "the wire format is the memory format");

inline constexpr std::uint32_t kProtocolVersion = 4;

/// Names one message between two peers; see tags.h for how it is made up.
using Tag = std::uint64_t;

enum class FrameKind : std::uint8_t {
  kHello = 1,      // from who dialled, before all else: hello.h
  kRefuse = 2,     // the hello does not fit: text
  kData = 3,       // a part of a message
  kCredit = 4,     // to a kAnnounce of this tag: the message may come
  kAnnounce = 5,   // a large message of `total` bytes waits to be asked for
  kWelcome = 6,    // answers the control connection's hello: the session stands; the incarnation
                   // of who answers is in `tag`, how many data connections it takes in `sequence`
  kPing = 7,       // nothing but a sign of life, behind the data that waits
  kWaiting = 8,    // I have waited long for a message of this tag
  kElsewhere = 9,  // answers it: I am not in that exchange, but in that of the tag in `sequence`
  kWiden = 10,     // to who dialled: I could use `sequence` data connections
};

/// Frames of these kinds are their header alone.
constexpr bool is_signal(FrameKind kind) { return kind >= FrameKind::kCredit; }

struct FrameHeader {
  FrameKind kind = FrameKind::kData;
  Cause cause = Cause::kControl;
  std::uint32_t length = 0;  // bytes that follow
  Tag tag = 0;
  std::uint64_t total = 0;     // bytes of the whole message
  std::uint64_t offset = 0;    // where these begin in it
  std::uint64_t sequence = 0;  // of the message among those of its tag
};

inline constexpr std::size_t kFrameHeaderBytes = 40;
inline constexpr std::uint64_t kLargestMessage = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kLargestControl = std::uint64_t{1} << 20;
inline constexpr std::uint32_t kLargestFrame = std::uint32_t{1} << 30;
inline constexpr std::uint32_t kLargestGreeting = 1 << 16;  // hello and refusal, which are stored
inline constexpr std::uint32_t kLongestText = 1 << 14;      // Writer::put_text

std::array<std::byte, kFrameHeaderBytes> pack(const FrameHeader& header);

/// Nothing if the bytes are no possible header.
std::optional<FrameHeader> unpack(std::span<const std::byte, kFrameHeaderBytes> bytes);

class Writer {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T> Writer& put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
    return *this;
  }
  Writer& put_text(std::string_view text, std::uint32_t longest = kLongestText);
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads past the end give zeros and make ok() false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T get() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      ok_ = false;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  std::string get_text(std::uint32_t longest = kLongestText);

  bool ok() const { return ok_; }
  bool finished() const { return ok_ && bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

}  // namespace strait
