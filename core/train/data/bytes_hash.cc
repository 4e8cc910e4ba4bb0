#include "core/train/data/bytes_hash.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace strait {
namespace {

XXH3_state_t* state_of(const std::unique_ptr<void, void (*)(void*)>& state) {
  return static_cast<XXH3_state_t*>(state.get());
}

}  // namespace

BytesHash::BytesHash()
    : state_(XXH3_createState(),
             [](void* state) { XXH3_freeState(static_cast<XXH3_state_t*>(state)); }) {
  XXH3_128bits_reset(state_of(state_));
}

void BytesHash::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_of(state_), bytes.data(), bytes.size());
}

std::string BytesHash::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_of(state_));
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace strait
