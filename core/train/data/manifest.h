// manifest.json of a prepared folder. Internal to core/train/data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/train/data/corpus.h"

namespace strait {

inline constexpr const char* kManifestName = "manifest.json";

struct ManifestFile {
  std::string name;
  std::int64_t tokens = 0;
  std::string hash;  // XXH3 of its bytes, 128 bits, hex
};

struct ManifestSource {
  std::string name;
  ManifestFile train, held_out;
  PageCounts pages;
};

struct Manifest {
  std::string text;  // what it was made of
  std::int64_t vocabulary = 256;
  std::string tokenizer;  // the file; empty: tokens are bytes
  std::vector<ManifestSource> sources;

  int token_bytes() const { return tokenizer.empty() ? 1 : 2; }
};

/// UserError for one that is broken or of another version.
Manifest read_manifest(const std::filesystem::path& folder);

std::string manifest_json(const Manifest& manifest);

}  // namespace strait
