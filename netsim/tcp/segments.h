// Segments: how the payload of one direction of a connection is cut.
//
// A segment is full (the largest payload that fits), but for the last one of what was offered to an
// idle or fast enough flow. Only the sizes of the others are kept, and only until forgotten. Pure.
#pragma once

#include <cstdint>

#include "core/base/fifo.h"
#include "core/base/units.h"

namespace strait {

class Segments {
 public:
  explicit Segments(Bytes full) : full_(full) {}

  /// `payload` more bytes. They fill up the last segment first, if that was not sent: all before
  /// `sent` were.
  void add(Bytes payload, std::int64_t sent);

  /// So many segments.
  std::int64_t count() const { return count_; }
  Bytes payload() const { return payload_; }

  /// Payload of the segments before this one. It was not forgotten.
  Bytes before(std::int64_t segment) const;

  /// Nobody asks any more about segments before this one.
  void forget(std::int64_t segment);

 private:
  struct Short {
    std::int64_t segment = 0;
    Bytes missing = 0;  // from full ones, up to and with this one
  };

  Bytes full_;
  std::int64_t count_ = 0;
  Bytes payload_ = 0;
  Bytes forgotten_ = 0;  // missing in the segments that were forgotten
  Fifo<Short> short_;    // the last segment, too, if it has room
};

}  // namespace strait
