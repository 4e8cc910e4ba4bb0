// fp32: the identity. Senders may pass their memory by reference (is_identity()).
#include <bit>
#include <cstring>

#include "core/base/check.h"
#include "core/base/race_check.h"
#include "core/comm/codecs/codecs.h"

namespace strait {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

template <bool kFirst>
struct DecodeAdd {
  STRAIT_KERNEL void run(const std::byte* in, float weight, float* sum, std::int64_t n) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      float value;  // `in` may lie anywhere in a message, so it is not read through a float*
      std::memcpy(&value, in + 4 * i, sizeof value);
      sum[i] = (kFirst ? 0.0f : sum[i]) + weight * value;
    }
  }
};

class Fp32Codec final : public Codec {
 public:
  explicit Fp32Codec(Simd simd) : simd_(simd) {}

  std::string_view name() const override { return "fp32"; }
  std::int64_t block() const override { return 16; }  // a cache line, a parameter's alignment
  Bytes encoded_size(std::int64_t elements) const override { return 4 * elements; }
  bool is_identity() const override { return true; }

  void encode(std::span<const float> in, std::span<std::byte> out) const override {
    STRAIT_CHECK(out.size() == in.size_bytes(), "{} values into {} bytes", in.size(), out.size());
    if (!in.empty()) std::memcpy(out.data(), in.data(), in.size_bytes());
  }

  void decode(std::span<const std::byte> in, std::span<float> out) const override {
    STRAIT_CHECK(in.size() == out.size_bytes(), "{} bytes for {} values", in.size(), out.size());
    if (!in.empty()) std::memcpy(out.data(), in.data(), in.size());
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
    STRAIT_CHECK(in.size() == sum.size_bytes(), "{} bytes for {} values", in.size(), sum.size());
    reads_all(in);
    writes_all(sum);
    run_kernel<Kernel>(simd_, in.data(), weight, sum.data(), static_cast<std::int64_t>(sum.size()));
  }

  Simd simd_;
};

}  // namespace

std::unique_ptr<Codec> make_fp32_codec(Simd simd) { return std::make_unique<Fp32Codec>(simd); }

}  // namespace strait
