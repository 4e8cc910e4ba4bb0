#include "tests/faults/true_mean.h"

#include <numeric>
#include <span>

#include "core/comm/algorithms/algorithm.h"
#include "core/comm/codec.h"
#include "tests/faults/trivial_model.h"

namespace strait {

namespace {

/// What arrives of `values`.
void travel(const Codec& codec, std::span<float> values) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(codec.encoded_size(std::ssize(values))));
  codec.encode(values, bytes);
  codec.decode(bytes, values);
}

/// What it has arrived as, multiply then add.
void add(const Codec& codec, std::span<const float> values, float weight, std::span<float> sum) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(codec.encoded_size(std::ssize(values))));
  codec.encode(values, bytes);
  codec.decode_add(bytes, weight, sum);
}

/// Shard s is added in the order s, s + 1, ..., s - 1, and encoded between two of them.
void add_in_a_ring(const Codec& codec, std::int64_t align,
                   const std::vector<Roster::Member>& contributors,
                   const std::vector<std::vector<float>>& in, std::span<float> sum) {
  const std::size_t k = contributors.size();
  for (std::size_t s = 0; s < k; ++s) {
    const Range shard = shard_of(std::ssize(sum), static_cast<std::int64_t>(s),
                                 static_cast<std::int64_t>(k), align);
    const std::span<float> of_shard = part(sum, shard);
    for (std::size_t hop = 0; hop < k; ++hop) {
      const std::size_t m = (s + hop) % k;
      if (hop > 1) travel(codec, of_shard);
      add(codec, part(std::span<const float>(in[m]), shard), contributors[m].weight, of_shard);
    }
  }
}

}  // namespace

std::vector<float> true_mean(const CollectiveOptions& options, std::uint32_t round,
                             const Roster& roster, std::size_t elements) {
  const auto codec = make_codec(options.codec);
  const auto result =
      make_codec(options.result_codec.empty() ? options.codec : options.result_codec);
  const auto contributors = roster.contributors();
  std::vector<std::vector<float>> in;
  for (const auto& member : contributors) {
    contribute(member.island, round, in.emplace_back(elements));
  }
  std::vector<float> sum(elements, 0);
  if (options.algorithm == "ring") {
    add_in_a_ring(*codec, std::lcm(codec->block(), result->block()), contributors, in, sum);
  } else {
    for (std::size_t m = 0; m < in.size(); ++m) add(*codec, in[m], contributors[m].weight, sum);
  }
  if (options.algorithm != "gather") travel(*result, sum);  // there the mean never travels
  return sum;
}

}  // namespace strait
