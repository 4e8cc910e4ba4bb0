#include "core/train/saved_round.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/trace.h"
#include "core/train/flat_math.h"
#include "core/train/named_tensors.h"

namespace strait {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr const char* kManifest = "manifest.json";
constexpr const char* kOuter = "outer.safetensors";
constexpr const char* kHistory = "history.json";
constexpr const char* kOwnHash = "manifest_xxh3";  // of what stands before it
constexpr std::string_view kBeingMade = ".tmp", kBeingRemoved = ".old";

// --- numbers that JSON does not have ---

Json json_of(double value) {
  if (std::isfinite(value)) return value;
  return fmt::format("{}", value);  // "nan", "-inf"
}

double number_in(const Json& json) {
  if (json.is_string()) return std::strtod(json.get<std::string>().c_str(), nullptr);
  return json.get<double>();
}

Json json_of(const std::optional<double>& value) { return value ? json_of(*value) : Json(); }

std::optional<double> optional_in(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return number_in(json);
}

// --- the manifest and the history as JSON ---

Json json_of(const std::optional<GptOptions>& gpt) {
  if (!gpt) return nullptr;
  return {{"architecture", "gpt2"},  {"layers", gpt->layers},       {"width", gpt->width},
          {"heads", gpt->heads},     {"head_size", gpt->head_size}, {"vocabulary", gpt->vocabulary},
          {"context", gpt->context}, {"init_std", gpt->init_std}};
}

std::optional<GptOptions> gpt_in(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return GptOptions{.layers = json.at("layers"),
                    .width = json.at("width"),
                    .heads = json.at("heads"),
                    .head_size = json.at("head_size"),
                    .vocabulary = json.at("vocabulary"),
                    .context = json.at("context"),
                    .init_std = json.at("init_std")};
}

Json json_of(const SavedTitle& t) {
  return {{"format", kFormat},
          {"arm", t.arm},
          {"strategy", t.strategy},
          {"round", t.round},
          {"rounds", t.rounds},
          {"step", t.step},
          {"virtual_ns", t.time.count()},
          {"loss", json_of(t.loss)},
          {"held_out", json_of(t.held_out)},
          {"settings", t.settings},
          {"data", t.data},
          {"program", t.program},
          {"model", json_of(t.gpt)}};
}

SavedTitle title_in(const Json& json) {
  return {.arm = json.at("arm"),
          .strategy = json.at("strategy"),
          .round = json.at("round"),
          .rounds = json.at("rounds"),
          .step = json.at("step"),
          .time = Nanos{json.at("virtual_ns").get<std::int64_t>()},
          .loss = optional_in(json.at("loss")),
          .held_out = optional_in(json.at("held_out")),
          .settings = json.at("settings"),
          .data = json.at("data"),
          .program = json.at("program"),
          .gpt = gpt_in(json.at("model"))};
}

Json json_of(const SavedHistory& history) {
  Json reports = Json::array(), evaluations = Json::array();
  for (const SavedReport& r : history.reports) {
    reports.push_back(Json::array({json_of(r.loss), r.finite, r.now.count()}));
  }
  for (const auto& share : history.evaluations) {
    Json metrics = Json::array();
    for (const Metric& m : share) metrics.push_back(Json::array({m.name, json_of(m.value)}));
    evaluations.push_back(std::move(metrics));
  }
  return {{"lives", history.lives}, {"reports", reports}, {"evaluations", evaluations}};
}

SavedHistory history_in(const Json& json) {
  SavedHistory history{.lives = json.at("lives"), .reports = {}, .evaluations = {}};
  for (const Json& r : json.at("reports")) {
    history.reports.push_back(
        {.loss = number_in(r.at(0)), .finite = r.at(1), .now = Nanos{r.at(2).get<std::int64_t>()}});
  }
  for (const Json& share : json.at("evaluations")) {
    auto& metrics = history.evaluations.emplace_back();
    for (const Json& m : share) {
      metrics.push_back({.name = m.at(0), .value = number_in(m.at(1))});
    }
  }
  return history;
}

std::uint64_t hash_of_text(const std::string& text) {
  return XXH3_64bits(text.data(), text.size());
}

/// A file of a checkpoint while it is written: counts, hashes and syncs.
class FileWriter {
 public:
  FileWriter(FolderStorage& storage, std::string folder, std::string name)
      : storage_(storage), path_(std::move(folder) + "/" + name), state_(XXH3_createState()) {
    file_.name = std::move(name);
    XXH3_64bits_reset(state_);
  }
  ~FileWriter() { XXH3_freeState(state_); }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void put(std::span<const std::byte> bytes) {
    storage_.append(path_, bytes);
    XXH3_64bits_update(state_, bytes.data(), bytes.size());
    file_.bytes += std::ssize(bytes);
  }

  SavedFile finish() {
    storage_.sync(path_);
    file_.hash = XXH3_64bits_digest(state_);
    return file_;
  }

 private:
  FolderStorage& storage_;
  const std::string path_;
  SavedFile file_;
  XXH3_state_t* state_;
};

bool same_state(const SavedIsland& a, const SavedIsland& b) {
  if (a.steps != b.steps || a.inner.size() != b.inner.size()) return false;
  for (std::size_t i = 0; i < a.inner.size(); ++i) {
    if (!equal_bits(a.inner[i].values, b.inner[i].values)) return false;
  }
  return equal_bits(a.parameters, b.parameters);
}

/// Writes the files of one checkpoint into a folder and remembers them.
class Writer {
 public:
  Writer(FolderStorage& storage, std::string folder, const ParameterLayout& layout)
      : storage_(storage), folder_(std::move(folder)), layout_(layout) {}

  void write(const SavedRound& saved) {
    storage_.make_folder(folder_);
    tensors(kSavedShared, named_tensors(layout_, saved.shared));
    if (!saved.outer.empty()) tensors(kOuter, by_name(saved.outer));
    Json islands = Json::array();
    for (std::size_t i = 0; i < saved.islands.size(); ++i) islands.push_back(island(saved, i));
    if (!saved.history.empty()) history(saved);
    if (!saved.tokenizer.empty()) text(kSavedTokenizer, saved.tokenizer);
    manifest(saved.title, islands);
  }

 private:
  std::vector<SafetensorsEntry> by_name(const std::vector<SavedBuffer>& buffers) const {
    std::vector<SafetensorsEntry> entries;
    for (const SavedBuffer& buffer : buffers) {
      auto some = named_tensors(layout_, buffer.values, buffer.name + ".");
      std::move(some.begin(), some.end(), std::back_inserter(entries));
    }
    return entries;
  }

  void tensors(const std::string& name, std::vector<SafetensorsEntry> entries) {
    FileWriter file(storage_, folder_, name);
    write_safetensors([&](std::span<const std::byte> bytes) { file.put(bytes); },
                      std::move(entries));
    files_.push_back(file.finish());
  }

  void text(const std::string& name, const std::string& contents) {
    FileWriter file(storage_, folder_, name);
    file.put(std::as_bytes(std::span(contents)));
    files_.push_back(file.finish());
  }

  Json island(const SavedRound& saved, std::size_t i) {
    const SavedIsland& own = saved.islands[i];
    Json row{{"island", own.island}, {"life", own.life}, {"reports", own.reports}};
    const auto same =
        std::find_if(saved.islands.begin(), saved.islands.begin() + std::ssize(rows_),
                     [&](const SavedIsland& other) { return same_state(own, other); });
    const std::string life = own.life == 0 ? "" : fmt::format("_life_{}", own.life);
    std::string file = fmt::format("island_{:03}{}.safetensors", own.island, life);
    if (same != saved.islands.begin() + std::ssize(rows_)) {
      file = rows_[static_cast<std::size_t>(same - saved.islands.begin())];
    } else {
      write(own, file);
    }
    row["file"] = file;
    rows_.push_back(file);
    return row;
  }

  void write(const SavedIsland& own, const std::string& name) {
    auto entries = by_name(own.inner);
    entries.push_back(i64_entry("step", {}, {&own.steps, 1}));
    if (!own.parameters.empty()) {
      auto some = named_tensors(layout_, own.parameters, "parameters.");
      std::move(some.begin(), some.end(), std::back_inserter(entries));
    }
    tensors(name, std::move(entries));
  }

  void history(const SavedRound& saved) {
    Json islands = Json::array();
    for (const SavedHistory& history : saved.history) islands.push_back(json_of(history));
    text(kHistory, Json{{"islands", islands}}.dump() + "\n");
  }

  void manifest(const SavedTitle& title, const Json& islands) {
    Json json = json_of(title);
    json["islands"] = islands;
    json["files"] = Json::array();
    for (const SavedFile& file : files_) {
      json["files"].push_back(
          {{"name", file.name}, {"bytes", file.bytes}, {"xxh3", hex(file.hash)}});
    }
    json[kOwnHash] = hex(hash_of_text(json.dump()));
    text(kManifest, json.dump(/*indent=*/1) + "\n");
  }

  FolderStorage& storage_;
  const std::string folder_;
  const ParameterLayout& layout_;
  std::vector<SavedFile> files_;
  std::vector<std::string> rows_;  // the file of each island so far
};

/// What of a checkpoint is wrong, in one line.
template <class... Args>
[[noreturn]] void damaged(const std::string& where, const std::string& name,
                          fmt::format_string<Args...> format, Args&&... args) {
  throw UserError(
      fmt::format("{}/{}: {}", where, name, fmt::format(format, std::forward<Args>(args)...)));
}

std::optional<std::string> text_of(FolderStorage& storage, const std::string& file) {
  const auto bytes = storage.read(file);
  if (!bytes) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

/// Calls read(json); what the text lacks, or has of another kind, is a damage.
template <class Read>
auto from_json(const std::string& text, const std::string& where, const std::string& name,
               const Read& read) {
  try {
    return read(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    damaged(where, name, "damaged: {}", error.what());
  }
}

/// Reads one checkpoint file by file.
class Reader {
 public:
  Reader(FolderStorage& storage, std::string where, std::string name)
      : storage_(storage), where_(std::move(where)), name_(std::move(name)) {}

  Json manifest() const {
    const auto text = text_of(storage_, name_ + "/" + kManifest);
    if (!text) damaged(where_, name_, "no {}: it was not written completely", kManifest);
    return from_json(*text, where_, name_ + "/" + kManifest, [&](Json json) {
      const std::string hash = json.at(kOwnHash);
      json.erase(kOwnHash);
      if (hash != hex(hash_of_text(json.dump()))) {
        damaged(where_, name_, "{} is damaged: its own hash is another one", kManifest);
      }
      if (json.at("format").get<int>() != kFormat) {
        damaged(where_, name_, "format {} where this program knows {}; use the program {}",
                json["format"].dump(), kFormat, json.value("program", "that wrote it"));
      }
      return json;
    });
  }

  SavedManifest summary() const {
    const Json json = manifest();
    return from_manifest([&] {
      SavedManifest result{.title = title_in(json),
                           .files = {},
                           .islands = static_cast<int>(json.at("islands").size())};
      for (const Json& row : json.at("files")) result.files.push_back(file_in(row));
      return result;
    });
  }

  SavedRound read(const ParameterLayout& layout) const {
    const Json json = manifest();
    return from_manifest([&] {
      SavedRound saved{.title = title_in(json),
                       .shared = {},
                       .outer = {},
                       .islands = {},
                       .history = {},
                       .tokenizer = {}};
      saved.shared.resize(static_cast<std::size_t>(layout.size()));
      read_named_tensors(tensors(json, kSavedShared), layout, saved.shared);
      if (find(json, kOuter) != nullptr) {
        const Safetensors outer = tensors(json, kOuter);
        saved.outer = buffers(outer, layout, {});
      }
      for (const Json& row : json.at("islands")) saved.islands.push_back(island(json, row, layout));
      if (find(json, kHistory) != nullptr) {
        saved.history = from_json(bytes(json, kHistory), where_, name_ + "/" + kHistory,
                                  [](const Json& history) {
                                    std::vector<SavedHistory> islands;
                                    for (const Json& i : history.at("islands")) {
                                      islands.push_back(history_in(i));
                                    }
                                    return islands;
                                  });
      }
      if (find(json, kSavedTokenizer) != nullptr) saved.tokenizer = bytes(json, kSavedTokenizer);
      return saved;
    });
  }

  std::string bytes(const SavedFile& file) const {
    const auto text = text_of(storage_, name_ + "/" + file.name);
    if (!text) damaged(where_, name_, "{} is missing", file.name);
    if (std::ssize(*text) != file.bytes) {
      damaged(where_, name_, "{} has {} bytes instead of {}", file.name, text->size(), file.bytes);
    }
    if (const auto hash = hash_of_text(*text); hash != file.hash) {
      damaged(where_, name_, "{} is damaged: its hash is {} instead of {}", file.name, hex(hash),
              hex(file.hash));
    }
    return *text;
  }

 private:
  template <class Read>
  auto from_manifest(const Read& read) const -> decltype(read()) {
    try {
      return read();
    } catch (const nlohmann::json::exception& error) {
      damaged(where_, name_ + "/" + kManifest, "damaged: {}", error.what());
    }
  }

  static SavedFile file_in(const Json& row) {
    return {.name = row.at("name"),
            .bytes = row.at("bytes"),
            .hash = std::strtoull(row.at("xxh3").get<std::string>().c_str(), nullptr, 16)};
  }

  static const Json* find(const Json& manifest, const std::string& file) {
    for (const Json& row : manifest.at("files")) {
      if (row.at("name") == file) return &row;
    }
    return nullptr;
  }

  std::string bytes(const Json& manifest, const std::string& file) const {
    const Json* const row = find(manifest, file);
    if (row == nullptr) damaged(where_, name_, "{} does not list {}", kManifest, file);
    return bytes(file_in(*row));
  }

  Safetensors tensors(const Json& manifest, const std::string& file) const {
    return {where_ + "/" + name_ + "/" + file, bytes(manifest, file)};
  }

  /// Those whose tensors are PREFIX.NAME, but for `except`.
  static std::vector<SavedBuffer> buffers(const Safetensors& file, const ParameterLayout& layout,
                                          std::string_view except) {
    std::vector<std::string> prefixes;
    const std::string& first = layout.parameters().front().name;
    for (const SafetensorsEntry& entry : file.entries()) {
      if (!entry.name.ends_with("." + first)) continue;
      const std::string prefix = entry.name.substr(0, entry.name.size() - first.size() - 1);
      if (prefix != except) prefixes.push_back(prefix);
    }
    std::sort(prefixes.begin(), prefixes.end());
    std::vector<SavedBuffer> result;
    for (const std::string& prefix : prefixes) {
      SavedBuffer& buffer = result.emplace_back();
      buffer.name = prefix;
      buffer.values.resize(static_cast<std::size_t>(layout.size()));
      read_named_tensors(file, layout, buffer.values, prefix + ".");
    }
    return result;
  }

  SavedIsland island(const Json& manifest, const Json& row, const ParameterLayout& layout) const {
    const Safetensors file = tensors(manifest, row.at("file"));
    SavedIsland own{.island = row.at("island"),
                    .life = row.at("life"),
                    .reports = row.at("reports"),
                    .parameters = {},
                    .inner = buffers(file, layout, "parameters"),
                    .steps = file.i64("step").at(0)};
    const std::string first = "parameters." + layout.parameters().front().name;
    const bool differs =
        std::any_of(file.entries().begin(), file.entries().end(),
                    [&](const SafetensorsEntry& entry) { return entry.name == first; });
    if (differs) {
      own.parameters.resize(static_cast<std::size_t>(layout.size()));
      read_named_tensors(file, layout, own.parameters, "parameters.");
    }
    return own;
  }

  FolderStorage& storage_;
  const std::string where_, name_;
};

bool is_round(const std::string& name) {
  return name.size() >= 6 && name.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

void write_saved_round(FolderStorage& storage, const std::string& name, const SavedRound& saved,
                       const ParameterLayout& layout) {
  const std::string temporary = name + std::string(kBeingMade);
  storage.remove(temporary);
  try {
    Writer(storage, temporary, layout).write(saved);
    remove_saved_round(storage, name);
    storage.rename(temporary, name);
  } catch (const StorageError&) {
    try {
      storage.remove(temporary);
    } catch (const StorageError&) {
      // The disk will not have that either; the name says that it is no checkpoint.
    }
    throw;
  }
}

SavedRound read_saved_round(FolderStorage& storage, const std::string& where,
                            const std::string& name, const ParameterLayout& layout) {
  return Reader(storage, where, name).read(layout);
}

SavedManifest read_saved_manifest(FolderStorage& storage, const std::string& where,
                                  const std::string& name) {
  return Reader(storage, where, name).summary();
}

std::string read_saved_file(FolderStorage& storage, const std::string& where,
                            const std::string& name, const SavedFile& file) {
  return Reader(storage, where, name).bytes(file);
}

std::string saved_round_name(std::uint32_t round) { return fmt::format("{:06}", round); }

std::vector<std::string> saved_rounds(FolderStorage& storage) {
  std::vector<std::string> names = storage.list("");
  std::erase_if(names, [](const std::string& name) { return !is_round(name); });
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  return names;
}

void remove_saved_round(FolderStorage& storage, const std::string& name) {
  const std::vector<std::string> names = storage.list("");
  if (std::find(names.begin(), names.end(), name) == names.end()) return;
  const std::string doomed = name + std::string(kBeingRemoved);
  storage.remove(doomed);
  storage.rename(name, doomed);
  storage.remove(doomed);
}

void remove_leftovers(FolderStorage& storage) {
  for (const std::string& name : storage.list("")) {
    if (name.ends_with(kBeingMade) || name.ends_with(kBeingRemoved)) storage.remove(name);
  }
}

}  // namespace strait
