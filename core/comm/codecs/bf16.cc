// bf16: the upper half of each float, rounded to nearest, ties to even. 2 bytes per value, little-
// endian, no scales.
//
// |x - decoded| <= |x| / 256 for normal x (8 bits of precision). What would round to infinity
// becomes the largest bf16 (3.39e38) instead: no finite value turns infinite. Denormals round like
// all others, zeros keep their sign. Infinity stays, and NaN becomes a quiet NaN.
#include <bit>
#include <cstring>

#include "core/base/check.h"
#include "core/base/race_check.h"
#include "core/comm/codecs/codecs.h"

namespace strait {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

constexpr std::int64_t kBlock = 32;  // a cache line on the wire
// Without their signs. After the second, rounding would give infinity or worse.
constexpr std::int32_t kInfinity = 0x7f800000;
constexpr std::int32_t kLastToRound = 0x7f7f7fff;
constexpr std::uint32_t kQuiet = 0x00400000;  // the bit of a NaN that is not cut off

// The exceptions are cut off instead of rounded: that leaves the largest bf16, infinity, and, with
// a bit set in its upper half, NaN. Signed comparisons, which every instruction set has in vectors.
STRAIT_KERNEL std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto magnitude = static_cast<std::int32_t>(bits & 0x7fffffffu);
  const std::uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1);
  const std::uint32_t cut = bits | (magnitude > kInfinity ? kQuiet : 0u);
  return static_cast<std::uint16_t>((magnitude > kLastToRound ? cut : rounded) >> 16);
}

STRAIT_KERNEL float from_bf16(const std::byte* in) {
  std::uint16_t upper;  // `in` may lie anywhere in a message
  std::memcpy(&upper, in, sizeof upper);
  return std::bit_cast<float>(static_cast<std::uint32_t>(upper) << 16);
}

// A block of words is made before it is stored: stores of single words that lie anywhere keep
// compilers from packing them.
struct Encode {
  STRAIT_KERNEL void run(const float* in, std::int64_t n, std::byte* out) {
    std::uint16_t words[kBlock];
    for (; n >= kBlock; n -= kBlock, in += kBlock, out += sizeof words) {
      for (std::int64_t i = 0; i < kBlock; ++i) words[i] = to_bf16(in[i]);
      std::memcpy(out, words, sizeof words);
    }
    for (std::int64_t i = 0; i < n; ++i) words[i] = to_bf16(in[i]);
    if (n > 0) std::memcpy(out, words, static_cast<std::size_t>(2 * n));
  }
};

struct Decode {
  STRAIT_KERNEL void run(const std::byte* in, std::int64_t n, float* out) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) out[i] = from_bf16(in + 2 * i);
  }
};

template <bool kFirst>
struct DecodeAdd {
  STRAIT_KERNEL void run(const std::byte* in, std::int64_t n, float weight, float* sum) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      sum[i] = (kFirst ? 0.0f : sum[i]) + weight * from_bf16(in + 2 * i);
    }
  }
};

class Bf16Codec final : public Codec {
 public:
  explicit Bf16Codec(Simd simd) : simd_(simd) {}

  std::string_view name() const override { return "bf16"; }
  std::int64_t block() const override { return kBlock; }
  Bytes encoded_size(std::int64_t elements) const override { return 2 * elements; }

  void encode(std::span<const float> in, std::span<std::byte> out) const override {
    const std::int64_t n = checked(in.size(), out.size());
    reads_all(in);
    writes_all(out);
    run_kernel<Encode>(simd_, in.data(), n, out.data());
  }

  void decode(std::span<const std::byte> in, std::span<float> out) const override {
    const std::int64_t n = checked(out.size(), in.size());
    reads_all(in);
    writes_all(out);
    run_kernel<Decode>(simd_, in.data(), n, out.data());
  }

  void decode_add(std::span<const std::byte> in, float weight,
                  std::span<float> sum) const override {
    add<DecodeAdd<false>>(in, weight, sum);
  }

  void decode_scaled(std::span<const std::byte> in, float weight,
                     std::span<float> sum) const override {
    add<DecodeAdd<true>>(in, weight, sum);
  }

 private:
  template <class Kernel>
  void add(std::span<const std::byte> in, float weight, std::span<float> sum) const {
    const std::int64_t n = checked(sum.size(), in.size());
    reads_all(in);
    writes_all(sum);
    run_kernel<Kernel>(simd_, in.data(), n, weight, sum.data());
  }

  std::int64_t checked(std::size_t elements, std::size_t bytes) const {
    STRAIT_CHECK(bytes == 2 * elements, "{} values and {} bytes", elements, bytes);
    return static_cast<std::int64_t>(elements);
  }

  Simd simd_;
};

}  // namespace

std::unique_ptr<Codec> make_bf16_codec(Simd simd) { return std::make_unique<Bf16Codec>(simd); }

}  // namespace strait
