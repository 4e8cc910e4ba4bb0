// SavedRound: what a checkpoint holds, and the folder that it is in.
//
//   NAME/manifest.json        round, arm, model, what files there are, their sizes and XXH3 hashes
//   NAME/shared.safetensors   shared parameters by name: what others can read (format "pt")
//   NAME/outer.safetensors    the outer optimizer's buffers, MOMENTUM.NAME
//   NAME/island_000.safetensors   an island's inner state (m.NAME, v.NAME, step), and its own
//                             parameters (parameters.NAME) where they differ from the shared ones;
//                             one file for islands that have the same
//   NAME/history.json         what each island has reported so far: losses, times, evaluations
//   NAME/tokenizer.json       what the model's tokens stand for, if they are no bytes and it is
//                             known
//
// A checkpoint is there completely or not at all: all of it is made as NAME.tmp, each file synced,
// the manifest last, and then the folder gets its name. A reader trusts nothing: what does not fit
// the manifest is a UserError that names the file. Buffers are flat, with the layout's padding.
//
// Thread: the storage's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/storage.h"
#include "core/train/gpt.h"
#include "core/train/parameter_layout.h"
#include "core/train/task.h"

namespace strait {

/// A flat buffer of an optimizer.
struct SavedBuffer {
  std::string name;
  std::vector<float> values;
};

/// One island's part. Islands count their lives from 0: who was killed and comes back has a new
/// one.
struct SavedIsland {
  IslandId island = 0;
  int life = 0;
  /// 0: as it was when it came to the round. Else it was behind, and this is how it was after it
  /// had reported so many times, in all its lives.
  std::int64_t reports = 0;
  std::vector<float> parameters;  // empty: the shared ones
  std::vector<SavedBuffer> inner;
  std::int64_t steps = 0;  // of the inner optimizer
};

/// What an island told at the end of a round of its own.
struct SavedReport {
  double loss = 0;  // sum over its steps
  bool finite = true;
  Nanos now{0};
};

struct SavedHistory {
  int lives = 0;  // that have begun
  std::vector<SavedReport> reports;
  std::vector<std::vector<Metric>> evaluations;  // shares that it has evaluated
};

/// What the manifest says beside its list of files.
struct SavedTitle {
  std::string arm;       // "diloco"
  std::string strategy;  // likewise
  std::uint32_t round = 0;
  std::uint32_t rounds = 0;  // of the whole run
  std::int64_t step = 0;     // inner steps of the plan so far
  Nanos time{0};             // virtual
  std::optional<double> loss;
  std::optional<double> held_out;
  std::string settings;           // their hash
  std::string data;               // likewise
  std::string program;            // the commit that wrote it
  std::optional<GptOptions> gpt;  // none: another task
};

struct SavedRound {
  SavedTitle title;
  std::vector<float> shared;
  std::vector<SavedBuffer> outer;
  std::vector<SavedIsland> islands;
  std::vector<SavedHistory> history;  // by island
  std::string tokenizer;              // a tokenizer.json; empty: there is none
};

/// Replaces what there is of that name. A StorageError leaves nothing of it, if the disk lets it.
void write_saved_round(FolderStorage& storage, const std::string& name, const SavedRound& saved,
                       const ParameterLayout& layout);

/// All of it, verified. `where` is the storage's folder, for errors: the part that is missing or
/// damaged, or the tensor of another shape.
SavedRound read_saved_round(FolderStorage& storage, const std::string& where,
                            const std::string& name, const ParameterLayout& layout);

/// One file of it, as the manifest knows it.
struct SavedFile {
  std::string name;
  Bytes bytes = 0;
  std::uint64_t hash = 0;
};

struct SavedManifest {
  SavedTitle title;
  std::vector<SavedFile> files;
  int islands = 0;  // that have a part in it
};
SavedManifest read_saved_manifest(FolderStorage& storage, const std::string& where,
                                  const std::string& name);

/// A file's bytes, verified against the manifest.
std::string read_saved_file(FolderStorage& storage, const std::string& where,
                            const std::string& name, const SavedFile& file);

/// Checkpoints of rounds, oldest first: "000010". Half-written and other ones are none.
std::vector<std::string> saved_rounds(FolderStorage& storage);
std::string saved_round_name(std::uint32_t round);

/// Takes a checkpoint away, so that a crash on the way leaves nothing that looks like one; and what
/// such a crash, or one while a checkpoint was written, has left.
void remove_saved_round(FolderStorage& storage, const std::string& name);
void remove_leftovers(FolderStorage& storage);

inline constexpr const char* kSavedShared = "shared.safetensors";
inline constexpr const char* kSavedTokenizer = "tokenizer.json";

}  // namespace strait
