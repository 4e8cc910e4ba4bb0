#include "core/train/data/manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "strait-data";
constexpr int kVersion = 1;

Json json_of(const ManifestFile& file) {
  return {{"file", file.name}, {"tokens", file.tokens}, {"xxh128", file.hash}};
}

ManifestFile file_of(const Json& json) {
  return {.name = json.at("file").get<std::string>(),
          .tokens = json.at("tokens").get<std::int64_t>(),
          .hash = json.at("xxh128").get<std::string>()};
}

/// A name for each count, in one order.
template <class Counts, class Visit>
void each_count(Counts& counts, Visit visit) {
  visit("files", counts.files);
  visit("train_documents", counts.train_pages);
  visit("held_out_documents", counts.held_out_pages);
  visit("repeated_documents", counts.repeated);
  visit("bad_utf8_bytes", counts.bad_utf8_bytes);
  visit("bad_utf8_documents", counts.bad_utf8_pages);
}

Manifest manifest_of(const Json& json) {
  Manifest manifest{.text = json.at("text").get<std::string>(),
                    .vocabulary = json.at("vocabulary").get<std::int64_t>(),
                    .tokenizer = json.at("tokenizer").get<std::string>(),
                    .sources = {}};
  for (const Json& row : json.at("sources")) {
    ManifestSource source{.name = row.at("name").get<std::string>(),
                          .train = file_of(row.at("train")),
                          .held_out = file_of(row.at("held_out")),
                          .pages = {}};
    each_count(source.pages, [&](const char* name, std::int64_t& count) {
      count = row.at(name).get<std::int64_t>();
    });
    manifest.sources.push_back(std::move(source));
  }
  return manifest;
}

}  // namespace

Manifest read_manifest(const std::filesystem::path& folder) {
  const std::string file = folder / kManifestName;
  const auto refuse = [&](const std::string& why) -> UserError {
    return UserError(fmt::format("{}: {}; prepare the text again", file, why));
  };
  const Json json = Json::parse(read_file(file), nullptr, /*exceptions=*/false);
  if (!json.is_object() || json.value("format", "") != kFormat) {
    throw refuse("no manifest of strait data prepare");
  }
  if (json.value("version", 0) != kVersion) {
    throw refuse(fmt::format("version {}, where this program writes {}", json.value("version", 0),
                             kVersion));
  }
  try {
    return manifest_of(json);
  } catch (const Json::exception& error) {
    throw refuse(error.what());
  }
}

std::string manifest_json(const Manifest& manifest) {
  Json sources = Json::array();
  for (const ManifestSource& source : manifest.sources) {
    Json row{{"name", source.name},
             {"train", json_of(source.train)},
             {"held_out", json_of(source.held_out)}};
    each_count(source.pages,
               [&](const char* name, const std::int64_t& count) { row[name] = count; });
    sources.push_back(std::move(row));
  }
  const Json json{{"format", kFormat},
                  {"version", kVersion},
                  {"text", manifest.text},
                  {"vocabulary", manifest.vocabulary},
                  {"token_bytes", manifest.token_bytes()},
                  {"tokenizer", manifest.tokenizer},
                  {"sources", sources}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace strait
