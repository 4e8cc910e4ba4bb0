#include "apps/commands/saved_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/experiment/saved_run.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/named_tensors.h"
#include "core/train/safetensors.h"

namespace strait {

namespace {

namespace fs = std::filesystem;

/// Nothing if the manifest does not list it.
std::optional<std::string> file_of(FolderStorage& storage, const PickedCheckpoint& from,
                                   const SavedManifest& manifest, std::string_view name) {
  const auto file = std::find_if(manifest.files.begin(), manifest.files.end(),
                                 [&](const SavedFile& row) { return row.name == name; });
  if (file == manifest.files.end()) return std::nullopt;
  return read_saved_file(storage, from.where, from.name, *file);
}

std::string shared_of(FolderStorage& storage, const PickedCheckpoint& from,
                      const SavedManifest& manifest) {
  if (auto shared = file_of(storage, from, manifest, kSavedShared)) return *std::move(shared);
  throw UserError(fmt::format("{}: manifest.json does not list {}", from.path(), kSavedShared));
}

std::optional<Tokenizer> tokenizer_of(FolderStorage& storage, const PickedCheckpoint& from,
                                      const SavedManifest& manifest) {
  if (const auto json = file_of(storage, from, manifest, kSavedTokenizer)) {
    return parse_tokenizer(*json, from.path() + "/" + kSavedTokenizer);
  }
  if (manifest.title.gpt->vocabulary == 256) return byte_tokenizer();
  return std::nullopt;
}

}  // namespace

PickedCheckpoint pick_checkpoint(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    throw UserError(
        fmt::format("{}: no such folder; name a run's folder or a checkpoint in it", path));
  }
  const std::string checkpoints = path + "/checkpoints";
  if (!fs::is_directory(checkpoints, ignored)) {
    if (!fs::exists(path + "/manifest.json", ignored) &&
        fs::exists(path + "/config.resolved.ini", ignored)) {
      throw UserError(
          fmt::format("{}: has no checkpoint; run to the end, or write checkpoint.every", path));
    }
    return {folder_of(path), fs::path(path).filename()};
  }
  FileStorage storage(checkpoints);
  const auto names = storage.list("");
  if (std::find(names.begin(), names.end(), kFinalCheckpoint) != names.end()) {
    return {checkpoints, kFinalCheckpoint};
  }
  const auto rounds = saved_rounds(storage);
  if (rounds.empty()) {
    throw UserError(
        fmt::format("{}: has no checkpoint; run to the end, or write checkpoint.every", path));
  }
  return {checkpoints, rounds.back()};
}

SavedModel load_model(const PickedCheckpoint& from) {
  FileStorage storage(from.where);
  const SavedManifest manifest = read_saved_manifest(storage, from.where, from.name);
  if (!manifest.title.gpt) {
    throw UserError(
        fmt::format("{}: its model is no GPT; only task.name = language has one", from.path()));
  }
  SavedModel model{.path = from.path(),
                   .title = manifest.title,
                   .gpt = *manifest.title.gpt,
                   .parameters = {},
                   .tokenizer = tokenizer_of(storage, from, manifest)};
  const ParameterLayout layout = gpt_layout(model.gpt);
  const Safetensors file(from.path() + "/" + kSavedShared, shared_of(storage, from, manifest));
  model.parameters.resize(static_cast<std::size_t>(layout.size()));
  read_named_tensors(file, layout, model.parameters);
  return model;
}

std::string shared_file(const PickedCheckpoint& from) {
  FileStorage storage(from.where);
  return shared_of(storage, from, read_saved_manifest(storage, from.where, from.name));
}

}  // namespace strait
