// idle: the sizes of another codec, and no work: for rehearsals, whose values mean nothing.
#include <utility>

#include "core/comm/codecs/codecs.h"

namespace strait {
namespace {

class IdleCodec final : public Codec {
 public:
  explicit IdleCodec(std::unique_ptr<Codec> like) : like_(std::move(like)) {}

  std::string_view name() const override { return like_->name(); }
  std::int64_t block() const override { return like_->block(); }
  Bytes encoded_size(std::int64_t elements) const override { return like_->encoded_size(elements); }
  bool is_identity() const override { return like_->is_identity(); }

  void encode(std::span<const float>, std::span<std::byte>) const override {}
  void decode(std::span<const std::byte>, std::span<float>) const override {}
  void decode_add(std::span<const std::byte>, float, std::span<float>) const override {}
  void decode_scaled(std::span<const std::byte>, float, std::span<float>) const override {}

 private:
  std::unique_ptr<Codec> like_;
};

}  // namespace

std::unique_ptr<Codec> make_idle_codec(std::unique_ptr<Codec> like) {
  return std::make_unique<IdleCodec>(std::move(like));
}

}  // namespace strait
