// What the commands that look at checkpoints have in common: which one a path means, and its model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/train/data/tokenizer.h"
#include "core/train/saved_round.h"

namespace strait {

struct PickedCheckpoint {
  std::string where;  // the folder that it is in
  std::string name;

  std::string path() const { return where + "/" + name; }
};

/// A checkpoint itself, or of a run's folder the model at its end, else its newest checkpoint.
/// Throws UserError.
PickedCheckpoint pick_checkpoint(const std::string& path);

struct SavedModel {
  std::string path;  // of its checkpoint
  SavedTitle title;
  GptOptions gpt;
  std::vector<float> parameters;       // flat
  std::optional<Tokenizer> tokenizer;  // none: nobody knows what its tokens stand for
};

/// Its shared parameters, verified. Throws UserError for what is damaged, or no GPT.
SavedModel load_model(const PickedCheckpoint& from);

/// The shared parameters' file as it is, verified.
std::string shared_file(const PickedCheckpoint& from);

}  // namespace strait
