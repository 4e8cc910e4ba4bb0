#include <fmt/format.h>

#include "core/base/errors.h"
#include "core/comm/codecs/codecs.h"

namespace strait {
namespace {

struct Row {
  std::string_view name;
  std::unique_ptr<Codec> (*make)(Simd);
};

constexpr Row kCodecs[] = {
    {"fp32", make_fp32_codec},
    {"bf16", make_bf16_codec},
    {"int8", make_int8_codec},
};

}  // namespace

std::vector<std::string_view> codec_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kCodecs) names.push_back(row.name);
  return names;
}

std::unique_ptr<Codec> make_codec(std::string_view name) {
  for (const Row& row : kCodecs) {
    if (row.name == name) return row.make(best_simd());
  }
  throw UserError(fmt::format("codec: '{}' is not known; use one of: {}", name,
                              fmt::join(codec_names(), ", ")));
}

}  // namespace strait
