#include "core/comm/codec.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/comm/codecs/codecs.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

using Maker = std::unique_ptr<Codec> (*)(Simd);
constexpr Maker kMakers[] = {make_fp32_codec, make_bf16_codec, make_int8_codec};
constexpr std::size_t kOffsets = 9;  // bytes into a message, floats into a buffer

std::vector<std::byte> encoded(const Codec& codec, std::span<const float> values) {
  std::vector<std::byte> bytes(codec.encoded_size(values.size()));
  codec.encode(values, bytes);
  return bytes;
}

std::vector<float> decoded(const Codec& codec, std::span<const std::byte> bytes, std::size_t n) {
  std::vector<float> values(n);
  codec.decode(bytes, values);
  return values;
}

// Encode, decode, decode_add, and decode_scaled, which is decode_add on zeros, of `twin` and of the
// plain loop, written one byte and one float off alignment; true if all bits agree and nothing
// outside was touched.
bool twins_agree(const Codec& plain, const Codec& twin, std::span<const float> values,
                 std::size_t offset) {
  const std::size_t n = values.size();
  const auto expected = encoded(plain, values);
  std::vector<std::byte> message(expected.size() + kOffsets + 1, std::byte{0x5a});
  const auto bytes = std::span(message).subspan(offset, expected.size());
  twin.encode(values, bytes);
  bool good = std::equal(expected.begin(), expected.end(), bytes.begin()) &&
              message[offset + expected.size()] == std::byte{0x5a};

  std::vector<float> buffer(n + kOffsets + 1, 7.0f);
  const auto out = std::span(buffer).subspan(offset, n);
  twin.decode(bytes, out);
  good = good && same_bits(out, decoded(plain, expected, n)) && buffer[offset + n] == 7.0f;

  auto sum = normal_floats(static_cast<std::int64_t>(n), 5);
  std::copy(sum.begin(), sum.end(), out.begin());
  plain.decode_add(expected, 0.3f, sum);
  twin.decode_add(bytes, 0.3f, out);
  good = good && same_bits(out, sum) && buffer[offset + n] == 7.0f;

  std::fill(sum.begin(), sum.end(), 0.0f);
  plain.decode_add(expected, 0.3f, sum);
  twin.decode_scaled(bytes, 0.3f, out);
  return good && same_bits(out, sum) && buffer[offset + n] == 7.0f;
}

TEST_CASE("every codec's twins give the same bits at every length and alignment", "[codec]") {
  const auto normal = normal_floats(1300, 1);
  const auto wild = wild_floats(1300, 2);
  for (const Maker make : kMakers) {
    const auto plain = make(Simd::kScalar);
    for (const Simd simd : supported_simd()) {
      const auto twin = make(simd);
      int wrong = 0;
      for (std::size_t n = 0; n <= 600; ++n) {
        const std::size_t offset = n % kOffsets;
        wrong += !twins_agree(*plain, *twin, std::span(normal).subspan(offset, n), offset);
        wrong += !twins_agree(*plain, *twin, std::span(wild).subspan(offset, n), kOffsets - offset);
      }
      INFO(plain->name() << " " << to_string(simd));
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("decode_add is decode, multiply and add with one rounding each", "[codec]") {
  const auto values = normal_floats(1003, 3);
  for (const Maker make : kMakers) {
    for (const Simd simd : supported_simd()) {
      const auto codec = make(simd);
      const auto bytes = encoded(*codec, values);
      for (const float weight : {1.0f, 0.125f, 0.3333333f, 0.0f}) {
        auto sum = normal_floats(1003, 4);
        auto expected = sum;
        const auto plain = decoded(*codec, bytes, values.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
          volatile float product = weight * plain[i];  // rounded here, whatever the compiler likes
          expected[i] = expected[i] + product;
        }
        codec->decode_add(bytes, weight, sum);
        CHECK(same_bits(sum, expected));
      }
    }
  }
}

TEST_CASE("the encoding of a buffer is that of its blocks in a row", "[codec]") {
  const auto values = normal_floats(9 * 128 + 77, 6);
  for (const Maker make : kMakers) {
    const auto codec = make(best_simd());
    const auto whole = encoded(*codec, values);
    std::vector<std::byte> pieces;
    const auto block = static_cast<std::size_t>(codec->block());
    for (std::size_t at = 0; at < values.size(); at += block) {
      const auto n = std::min(block, values.size() - at);
      const auto piece = encoded(*codec, std::span(values).subspan(at, n));
      pieces.insert(pieces.end(), piece.begin(), piece.end());
    }
    CHECK((whole == pieces));
    CHECK((whole == encoded(*codec, values)));
  }
}

TEST_CASE("a codec refuses a buffer of the wrong size", "[codec]") {
  for (const Maker make : kMakers) {
    const auto codec = make(best_simd());
    std::vector<float> values(300);
    std::vector<std::byte> bytes(codec->encoded_size(300) + 1);
    CHECK_THROWS_AS(codec->encode(values, bytes), BrokenInvariant);
    CHECK_THROWS_AS(codec->decode(bytes, values), BrokenInvariant);
    CHECK_THROWS_AS(codec->decode_add(bytes, 1, values), BrokenInvariant);
    CHECK_THROWS_AS(codec->decode_scaled(bytes, 1, values), BrokenInvariant);
  }
}

TEST_CASE("the table knows its codecs and names them when asked for another", "[codec]") {
  for (const auto name : codec_names()) CHECK(make_codec(name)->name() == name);
  CHECK(make_codec("fp32")->is_identity());
  CHECK_FALSE(make_codec("int8")->is_identity());
  try {
    make_codec("int9");
    FAIL("int9 was accepted");
  } catch (const UserError& error) {
    CHECK(std::string(error.what()) == "codec: 'int9' is not known; use one of: fp32, bf16, int8");
  }
}

}  // namespace
}  // namespace strait
