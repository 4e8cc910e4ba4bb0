// evaluations.csv and outer_gradients.csv of a run: what was found out about its models, for
// programs. Pure functions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/experiment/arm.h"

namespace strait {

/// arm,round,metric,value: a row for the "loss" of an evaluation and for each part of it
/// ("loss.de", "island_0.loss"). Of text also "perplexity" = exp(loss) per token and
/// "bits_per_byte" = loss / ln 2 / bytes per token, with the same endings. `bytes_per_token` as
/// Task::bytes_per_token.
std::string evaluations_csv(const std::vector<std::unique_ptr<ArmResult>>& arms,
                            double bytes_per_token);

/// arm,round,island,other,cosine,norm
std::string outer_gradients_csv(const std::vector<std::unique_ptr<ArmResult>>& arms);

}  // namespace strait
