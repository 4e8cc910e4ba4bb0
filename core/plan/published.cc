#include "core/plan/published.h"

namespace strait {

namespace {

constexpr TrainedModel k1B{1e9, 24, 0.1}, k10B{1e10, 48, 0.8}, k100B{1e11, 108, 4.9};
constexpr TrainedModel kLlama{4.05e11, 126, 26}, kDeepSeek{6.71e11, 61, 20};

constexpr Exchanges kDataParallel{};
constexpr Exchanges kDiLoCo{.every = 100};

/// Fragments of three layers, strided.
constexpr Exchanges streaming(const TrainedModel& model, int overlap, double bits) {
  return {.every = 100, .bits = bits, .fragments = model.layers / 3, .overlap = overlap};
}

constexpr std::array kStreaming{
    PublishedRow{"1B", "data parallel", k1B, kDataParallel, {86.8, 152.6, 184.2, 222.3, 569.0}},
    PublishedRow{"1B", "DiLoCo", k1B, kDiLoCo, {1.4, 6.2, 13.3, 23.3, 86.8}},
    PublishedRow{"1B", "streaming", k1B, streaming(k1B, 0, 16), {1.4, 5.2, 9.1, 16.0, 28.1}},
    PublishedRow{
        "1B", "streaming, overlap", k1B, streaming(k1B, 1, 16), {1.4, 4.3, 6.2, 9.1, 11.0}},
    PublishedRow{
        "1B", "streaming, overlap, FP4", k1B, streaming(k1B, 1, 4), {0.4, 0.9, 1.7, 2.0, 3.0}},
    PublishedRow{"10B", "data parallel", k10B, kDataParallel, {104.8, 222.3, 222.3, 268.3, 471.5}},
    PublishedRow{"10B", "DiLoCo", k10B, kDiLoCo, {1.7, 7.5, 16.0, 33.9, 104.8}},
    PublishedRow{"10B", "streaming", k10B, streaming(k10B, 0, 16), {1.7, 5.2, 9.1, 13.3, 19.3}},
    PublishedRow{
        "10B", "streaming, overlap", k10B, streaming(k10B, 1, 16), {1.7, 3.6, 5.2, 6.2, 7.5}},
    PublishedRow{
        "10B", "streaming, overlap, FP4", k10B, streaming(k10B, 1, 4), {0.4, 0.9, 1.4, 1.4, 1.7}},
    PublishedRow{
        "100B", "data parallel", k100B, kDataParallel, {184.2, 323.8, 390.7, 390.7, 471.5}},
    PublishedRow{"100B", "DiLoCo", k100B, kDiLoCo, {3.0, 11.0, 23.3, 49.4, 184.2}},
    PublishedRow{"100B", "streaming", k100B, streaming(k100B, 0, 16), {2.4, 6.2, 9.1, 11.0, 19.3}},
    PublishedRow{
        "100B", "streaming, overlap", k100B, streaming(k100B, 1, 16), {1.7, 3.6, 4.3, 5.2, 5.2}},
    PublishedRow{"100B",
                 "streaming, overlap, FP4",
                 k100B,
                 streaming(k100B, 1, 4),
                 {0.5, 0.9, 1.1, 1.1, 1.4}},
};

constexpr std::array kScaling{
    PublishedRow{"10B", "DiLoCo, H = 10", k10B, {.every = 10}, {16.0, 49.4, 86.8, 152.6, 222.3}},
    PublishedRow{"10B", "DiLoCo, H = 50", k10B, {.every = 50}, {3.0, 11.0, 23.3, 41.0, 126.5}},
    PublishedRow{"10B", "DiLoCo, H = 100", k10B, {.every = 100}, {1.4, 6.2, 13.3, 23.3, 86.8}},
    PublishedRow{"10B", "DiLoCo, H = 300", k10B, {.every = 300}, {0.5, 2.0, 4.3, 9.1, 41.0}},
    PublishedRow{
        "Llama 3 405B", "DiLoCo, H = 10", kLlama, {.every = 10}, {19.3, 72.0, 126.5, 184.2, 268.3}},
    PublishedRow{
        "Llama 3 405B", "DiLoCo, H = 50", kLlama, {.every = 50}, {3.6, 13.3, 28.1, 59.6, 184.2}},
    PublishedRow{
        "Llama 3 405B", "DiLoCo, H = 100", kLlama, {.every = 100}, {2.0, 7.5, 16.0, 33.9, 126.5}},
    PublishedRow{
        "Llama 3 405B", "DiLoCo, H = 300", kLlama, {.every = 300}, {0.7, 3.0, 6.2, 13.3, 59.6}},
    PublishedRow{"DeepSeek-V3 671B",
                 "DiLoCo, H = 10",
                 kDeepSeek,
                 {.every = 10},
                 {49.4, 152.6, 268.3, 390.7, 686.6}},
    PublishedRow{"DeepSeek-V3 671B",
                 "DiLoCo, H = 50",
                 kDeepSeek,
                 {.every = 50},
                 {7.5, 33.9, 72.0, 126.5, 390.7}},
    PublishedRow{"DeepSeek-V3 671B",
                 "DiLoCo, H = 100",
                 kDeepSeek,
                 {.every = 100},
                 {4.3, 16.0, 41.0, 72.0, 268.3}},
    PublishedRow{"DeepSeek-V3 671B",
                 "DiLoCo, H = 300",
                 kDeepSeek,
                 {.every = 300},
                 {1.7, 6.2, 13.3, 28.1, 126.5}},
};

constexpr std::array kDeployments{
    PublishedDeployment{"USA", 38 * 60, 103, 95.7},
    PublishedDeployment{"USA and Europe", 38 * 60, 382, 85.6},
    PublishedDeployment{"three continents", 38 * 60, 469, 83.0},
};

}  // namespace

const PublishedTable& streaming_table() {
  static const PublishedTable table{"Streaming DiLoCo (arXiv 2501.18512), H = 100", kStreaming};
  return table;
}

const PublishedTable& scaling_table() {
  static const PublishedTable table{"Scaling laws for DiLoCo (arXiv 2503.09799)", kScaling};
  return table;
}

std::span<const PublishedDeployment> intellect_1() { return kDeployments; }

}  // namespace strait
