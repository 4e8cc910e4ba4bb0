// A folder for one test, removed at its end, with ways to put text there.
#pragma once

#include <stdlib.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "core/base/errors.h"
#include "core/train/data/corpus.h"

namespace strait {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "strait_data_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
  }

  /// A page of a package, as dpkg-deb -x lays it out. Language "" is English.
  void page(const std::string& package, const std::string& language, const std::string& name,
            const std::string& roff) const {
    auto folder =
        path_ / package / "usr/share/man" / language / ("man" + name.substr(name.rfind('.') + 1));
    std::filesystem::create_directories(folder);
    const auto file = folder / (name + ".gz");
    const gzFile out = gzopen(file.c_str(), "wb");
    gzwrite(out, roff.data(), static_cast<unsigned>(roff.size()));
    gzclose(out);
  }

 private:
  std::filesystem::path path_;
};

/// The n-th page name that the split holds out (or does not).
inline std::string page_name(bool held_out, int n) {
  for (int i = 0;; ++i) {
    const std::string name = "page" + std::to_string(i) + ".1";
    if (is_held_out(name) == held_out && n-- == 0) return name;
  }
}

inline std::string text_of(const Tokens& bytes) {
  std::string text;
  for (const TokenSpan& piece : bytes.pieces()) {
    text.append(piece.bytes().begin(), piece.bytes().end());
  }
  return text;
}

/// what() of the UserError that `f` throws; empty if it throws none.
template <typename F>
std::string user_error_of(F&& f) {
  try {
    f();
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

}  // namespace strait
