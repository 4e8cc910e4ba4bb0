#include "apps/experiment/evaluation_files.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace strait {

namespace {

/// "loss.de" with "perplexity" instead of "loss".
std::string renamed(std::string name, std::string_view as) {
  constexpr std::string_view kLoss = "loss";
  const std::size_t at = name.find(kLoss);
  return at == std::string::npos ? "" : name.replace(at, kLoss.size(), as);
}

}  // namespace

std::string evaluations_csv(const std::vector<std::unique_ptr<ArmResult>>& arms,
                            double bytes_per_token) {
  std::string text = "arm,round,metric,value\n";
  for (const auto& arm : arms) {
    for (const RoundRow& row : arm->rows) {
      const auto line = [&](const std::string& metric, double value) {
        text += fmt::format("{},{},{},{:.9g}\n", arm->options.name, row.round, metric, value);
      };
      for (const Metric& metric : row.held_out) {
        line(metric.name, metric.value);
        if (bytes_per_token == 0) continue;
        line(renamed(metric.name, "perplexity"), std::exp(metric.value));
        line(renamed(metric.name, "bits_per_byte"),
             metric.value / std::numbers::ln2 / bytes_per_token);
      }
    }
  }
  return text;
}

std::string outer_gradients_csv(const std::vector<std::unique_ptr<ArmResult>>& arms) {
  std::string text = "arm,round,island,other,cosine,norm\n";
  for (const auto& arm : arms) {
    for (const OuterGradientRow& row : arm->outer_gradients) {
      text += fmt::format("{},{},{},{},{:.9g},{:.9g}\n", arm->options.name, row.round, row.island,
                          row.other, row.cosine, row.norm);
    }
  }
  return text;
}

}  // namespace strait
