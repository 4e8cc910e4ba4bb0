#include "core/train/record.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/named_tensors.h"

namespace strait {
namespace {

void create_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw UserError(cannot_write(folder, error.value()));
}

void require_unused(const std::string& folder) {
  std::error_code error;
  const bool exists = std::filesystem::exists(folder, error);
  if (!exists || std::filesystem::is_empty(folder, error)) return;
  throw UserError(
      fmt::format("run.record = {}: is there and not empty; name a new folder", folder));
}

using Json = nlohmann::ordered_json;

Json model_of(const RecordManifest::Model& model) {
  return {{"architecture", "gpt2"},       {"layers", model.layers},
          {"width", model.width},         {"heads", model.heads},
          {"head_size", model.head_size}, {"vocabulary", model.vocabulary},
          {"context", model.context},     {"init_std", model.init_std}};
}

Json inner_of(const InnerOptions& inner, const std::string& at_outer_step,
              const ParameterLayout& layout) {
  std::vector<std::string> decayed;
  for (const Parameter& parameter : layout.parameters()) {
    if (parameter.decayed) decayed.push_back(parameter.name);
  }
  return {{"name", inner.name},
          {"beta1", inner.beta1},
          {"beta2", inner.beta2},
          {"epsilon", inner.epsilon},
          {"weight_decay", inner.weight_decay},
          {"decayed", decayed},
          {"clip_norm", inner.clip_norm},
          {"at_outer_step", at_outer_step}};
}

Json outer_of(const OuterOptions& outer) {
  Json json{{"name", outer.name}, {"lr", outer.lr}, {"schedule", outer.schedule}};
  if (outer.name != "adam") {
    json["momentum"] = outer.momentum;
    return json;
  }
  json["beta1"] = outer.beta1;
  json["beta2"] = outer.beta2;
  json["epsilon"] = outer.epsilon;
  return json;
}

std::string text_of(const RecordManifest& manifest, const ParameterLayout& layout) {
  const Json json{
      {"format", 1},
      {"model", model_of(manifest.model)},
      {"inner", inner_of(manifest.inner, manifest.at_outer_step, layout)},
      {"outer", outer_of(manifest.outer)},
      {"islands", manifest.islands},
      {"inner_steps_per_round", manifest.inner_steps_per_round},
      {"rounds", manifest.rounds},
      {"pretrain_steps", manifest.pretrain_steps},
      {"strategy", manifest.strategy},
      {"codec", manifest.codec},
      {"missed_round_policy", manifest.missed_round_policy},
      {"weights", manifest.weights},
  };
  return json.dump(/*indent=*/1) + "\n";
}

std::string csv_of(std::span<const StepRow> rows) {
  std::string text = "step,round,lr,loss,grad_norm\n";
  for (const StepRow& row : rows) {
    text += fmt::format("{},{},{:.9g},{:.9g},{:.9g}\n", row.step, row.round, row.lr, row.loss,
                        row.grad_norm);
  }
  return text;
}

std::string csv_of(std::span<const MemberRow> rows) {
  std::string text = "island,contributed,received,weight\n";
  for (const MemberRow& row : rows) {
    text +=
        fmt::format("{},{:d},{:d},{:.9g}\n", row.island, row.contributed, row.received, row.weight);
  }
  return text;
}

}  // namespace

Recorder::Recorder(std::string folder, const RecordManifest& manifest,
                   const ParameterLayout& layout)
    : folder_(std::move(folder)),
      layout_(layout),
      context_(manifest.model.context),
      islands_(static_cast<std::size_t>(manifest.islands)) {
  STRAIT_CHECK(context_ > 0, "context {}", context_);
  require_unused(folder_);
  create_folder(folder_);
  write_file_atomically(folder_ + "/manifest.json", text_of(manifest, layout_));
}

Recorder::Island& Recorder::at(std::int32_t island) {
  STRAIT_CHECK(0 <= island && island < std::ssize(islands_), "island {} of {}", island,
               islands_.size());
  return islands_[static_cast<std::size_t>(island)];
}

std::string Recorder::folder_of_round(std::int64_t round) const {
  STRAIT_CHECK(round >= 1, "round {}", round);
  std::string folder = fmt::format("{}/round_{:04}", folder_, round);
  create_folder(folder);
  return folder;
}

void Recorder::write_parameters(const std::string& path, std::span<const float> parameters) const {
  write_safetensors(path, named_tensors(layout_, parameters));
}

void Recorder::initial(std::span<const float> parameters) {
  write_parameters(folder_ + "/initial.safetensors", parameters);
}

void Recorder::inner_state(std::span<const InnerOptimizer::State> states, std::int64_t steps) {
  std::vector<SafetensorsEntry> entries{i64_entry("step", {}, {&steps, 1})};
  for (const InnerOptimizer::State& state : states) {
    for (SafetensorsEntry& entry : named_tensors(layout_, state.values, state.name + ".")) {
      entries.push_back(std::move(entry));
    }
  }
  write_safetensors(folder_ + "/inner_state.safetensors", std::move(entries));
}

void Recorder::batch(std::int32_t island, std::span<const std::int64_t> inputs,
                     std::span<const std::int64_t> targets) {
  Island& record = at(island);
  const std::int64_t sequences = std::ssize(inputs) / context_;
  STRAIT_CHECK(sequences > 0 && sequences * context_ == std::ssize(inputs) &&
                   inputs.size() == targets.size(),
               "{} inputs and {} targets for a context of {}", inputs.size(), targets.size(),
               context_);
  STRAIT_CHECK(record.inputs.empty() || record.sequences == sequences,
               "island {} had {} sequences and has {}", island, record.sequences, sequences);
  record.sequences = sequences;
  record.inputs.insert(record.inputs.end(), inputs.begin(), inputs.end());
  record.targets.insert(record.targets.end(), targets.begin(), targets.end());
}

void Recorder::step(std::int32_t island, const StepRow& row) {
  Island& record = at(island);
  STRAIT_CHECK(row.step == std::ssize(record.steps), "step {} of island {} follows {} steps",
               row.step, island, record.steps.size());
  record.steps.push_back(row);
}

void Recorder::boundary(std::int64_t round, std::int32_t island,
                        std::span<const float> parameters) {
  at(island);
  write_parameters(fmt::format("{}/island_{:03}.safetensors", folder_of_round(round), island),
                   parameters);
}

void Recorder::shared(std::int64_t round, std::span<const float> parameters) {
  write_parameters(folder_of_round(round) + "/shared.safetensors", parameters);
}

void Recorder::members(std::int64_t round, std::span<const MemberRow> rows) {
  STRAIT_CHECK(rows.size() == islands_.size(), "{} rows for {} islands", rows.size(),
               islands_.size());
  write_file_atomically(folder_of_round(round) + "/members.csv", csv_of(rows));
}

void Recorder::write_batches(const std::string& folder, const Island& island) const {
  const std::vector<std::int64_t> shape{std::ssize(island.steps), island.sequences, context_};
  write_safetensors(folder + "/batches.safetensors", {i64_entry("inputs", shape, island.inputs),
                                                      i64_entry("targets", shape, island.targets)});
}

void Recorder::finish() {
  for (std::size_t i = 0; i < islands_.size(); ++i) {
    const Island& island = islands_[i];
    const std::int64_t batches =
        island.sequences == 0 ? 0 : std::ssize(island.inputs) / (island.sequences * context_);
    STRAIT_CHECK(batches == std::ssize(island.steps), "island {} has {} batches and {} steps", i,
                 batches, island.steps.size());
    const std::string folder = fmt::format("{}/island_{:03}", folder_, i);
    create_folder(folder);
    write_batches(folder, island);
    write_file_atomically(folder + "/steps.csv", csv_of(island.steps));
  }
}

}  // namespace strait
