// Codec: fp32 to bytes on the wire and back.
//
// Stateless, deterministic, sizes known beforehand. SIMD and scalar twins give the same bits.
// Thread: any; the functions touch only their arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/units.h"

namespace strait {

class Codec {
 public:
  virtual ~Codec() = default;

  virtual std::string_view name() const = 0;

  /// Elements that are encoded together (they share a scale). Buffers are cut at multiples of it.
  virtual std::int64_t block() const = 0;

  /// Exact bytes for `elements` values that start at a block boundary.
  virtual Bytes encoded_size(std::int64_t elements) const = 0;

  /// out.size() == encoded_size(in.size()). NaN and infinity are the caller's to refuse.
  virtual void encode(std::span<const float> in, std::span<std::byte> out) const = 0;

  /// in.size() == encoded_size(out.size()).
  virtual void decode(std::span<const std::byte> in, std::span<float> out) const = 0;

  /// sum[i] += weight * decoded[i], one rounding for the product and one for the sum, in one pass.
  virtual void decode_add(std::span<const std::byte> in, float weight,
                          std::span<float> sum) const = 0;

  /// The first of a sum: what decode_add gives on zeros, which are not read.
  virtual void decode_scaled(std::span<const std::byte> in, float weight,
                             std::span<float> sum) const = 0;

  /// True if the encoded bytes are the floats themselves: senders may pass their memory by
  /// reference instead of encoding.
  virtual bool is_identity() const { return false; }
};

/// The table of codecs. Throws UserError for an unknown name, naming the known ones.
std::unique_ptr<Codec> make_codec(std::string_view name);
std::vector<std::string_view> codec_names();

/// With the sizes of `like`, but nothing is read or written: for rehearsals, whose values mean
/// nothing.
std::unique_ptr<Codec> make_idle_codec(std::unique_ptr<Codec> like);

}  // namespace strait
