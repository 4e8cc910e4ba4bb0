// strait checkpoint inspect PATH: what a checkpoint holds, and whether it is whole.
// strait checkpoint convert PATH --out FILE: its shared parameters as one safetensors file.
// strait export PATH --out FOLDER: its model for Hugging Face's transformers.

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/commands/saved_model.h"
#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/trace.h"
#include "core/train/hugging_face.h"
#include "core/train/named_tensors.h"
#include "core/train/safetensors.h"

namespace strait {

namespace {

constexpr std::string_view kCheckpointUsage =
    "write strait checkpoint inspect PATH, or strait checkpoint convert PATH --out "
    "FILE.safetensors";
constexpr const char* kOut = "--out";
constexpr std::string_view kExportUsage = "write strait export RUN|CHECKPOINT --out FOLDER";

std::string only_path(const std::vector<std::string>& words, std::string_view usage) {
  if (words.empty()) throw UserError(fmt::format("no run and no checkpoint; {}", usage));
  if (words.size() > 1) {
    throw UserError(fmt::format("'{}' is one word too many; {}", words[1], usage));
  }
  return words.front();
}

void print_title(const SavedTitle& title, const std::string& path, int islands) {
  const auto line = [](const char* name, const std::string& value) {
    fmt::print("{:<12}{}\n", name, value);
  };
  line("checkpoint", path);
  line("arm", title.arm);
  line("round", fmt::format("{} of {}", title.round, title.rounds));
  line("step", fmt::format("{}", title.step));
  line("time", human_time(title.time));
  if (title.loss) line("loss", fmt::format("{:.6f}", *title.loss));
  if (title.held_out) line("held out", fmt::format("{:.6f}", *title.held_out));
  if (title.gpt) {
    const GptOptions& g = *title.gpt;
    line("model", fmt::format("GPT-2: {} blocks, width {}, {} heads of {}, {} tokens of {}",
                              g.layers, g.width, g.heads, g.head_size, g.context, g.vocabulary));
  }
  line("islands", islands == 0 ? "none: shared parameters only" : fmt::format("{}", islands));
  line("settings", title.settings);
  line("data", title.data);
  line("program", title.program);
}

/// All files are read and compared with the manifest first.
int inspect(const std::string& given) {
  const PickedCheckpoint from = pick_checkpoint(given);
  FileStorage storage(from.where);
  const SavedManifest manifest = read_saved_manifest(storage, from.where, from.name);
  Table files({{"file"}, {"bytes", Align::kRight}, {"xxh3"}});
  Table tensors({{"shared tensor"}, {"dtype"}, {"shape"}});
  for (const SavedFile& file : manifest.files) {
    std::string bytes = read_saved_file(storage, from.where, from.name, file);
    files.row({file.name, human_count(file.bytes), hex(file.hash)});
    if (file.name != kSavedShared) continue;
    const Safetensors shared(from.path() + "/" + file.name, std::move(bytes));
    for (const auto& entry : shared.entries()) {
      tensors.row({entry.name, entry.dtype, to_string(entry.shape)});
    }
  }
  print_title(manifest.title, from.path(), manifest.islands);
  fmt::print("\n{}\n{}\nwhole: every file is as it was written\n", files.text(), tensors.text());
  return 0;
}

int convert(std::vector<std::string> words) {
  const std::string out = take_option(words, kOut, "file", kCheckpointUsage);
  const PickedCheckpoint from = pick_checkpoint(only_path(words, kCheckpointUsage));
  if (out.empty()) throw UserError(fmt::format("no --out; {}", kCheckpointUsage));
  write_file_atomically(out, shared_file(from), kOut);
  fmt::print("{}: shared parameters of {}\n", out, from.path());
  return 0;
}

}  // namespace

int command_checkpoint(const std::vector<std::string>& arguments) {
  if (arguments.empty())
    throw UserError(fmt::format("what about a checkpoint? {}", kCheckpointUsage));
  const std::vector<std::string> words(arguments.begin() + 1, arguments.end());
  if (arguments.front() == "inspect") return inspect(only_path(words, kCheckpointUsage));
  if (arguments.front() == "convert") return convert(words);
  throw UserError(fmt::format("'{}' is nothing to do with a checkpoint; {}", arguments.front(),
                              kCheckpointUsage));
}

namespace {

/// `name`: what `folder` will be called.
void write_tokenizer(const std::string& folder, const SavedModel& model, const std::string& name) {
  if (!model.tokenizer) {
    fmt::print(stderr,
               "WARNING: {} has no tokenizer: its tokens came from token files without a "
               "tokenizer.json; put the one they were made with into {}\n",
               model.path, name);
    return;
  }
  write_file_atomically(folder + "/tokenizer.json", tokenizer_json(*model.tokenizer), kOut);
  write_file_atomically(folder + "/tokenizer_config.json",
                        tokenizer_config_json(*model.tokenizer, model.gpt.context), kOut);
}

}  // namespace

int command_export(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  const std::string out = take_option(words, kOut, "folder", kExportUsage);
  const PickedCheckpoint from = pick_checkpoint(only_path(words, kExportUsage));
  if (out.empty()) throw UserError(fmt::format("no --out; {}", kExportUsage));
  AtomicFolder folder(out, kOut);
  const SavedModel model = load_model(from);
  const auto end = model.tokenizer ? model.tokenizer->end_of_text() : std::nullopt;
  write_gpt2(folder.temporary(), model.gpt, model.parameters, end, kOut);
  write_tokenizer(folder.temporary(), model, out);
  folder.commit();
  fmt::print("{}: {} after round {} of {}, for transformers' GPT2LMHeadModel\n", out, model.path,
             model.title.round, model.title.rounds);
  return 0;
}

}  // namespace strait
