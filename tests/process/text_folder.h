// A folder for a test, with two sources of made-up text in text/.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "core/base/files.h"
#include "tests/process/program.h"

namespace strait {

class TextFolder {
 public:
  TextFolder() {
    for (const char* source : {"one", "two"}) {
      std::filesystem::create_directories(folder_ / (std::string("text/") + source));
      for (int file = 0; file < 20; ++file) {
        std::string words;
        for (int i = 0; i < 400; ++i) words += fmt::format("{} {} {}\n", source, file, i * file);
        write_file_atomically(folder_ / fmt::format("text/{}/{}.txt", source, file), words);
      }
    }
  }

  Child child() const { return {.folder = folder_.path()}; }
  Ended run(const Words& words) const { return run_strait(words, child()); }
  std::string refused(const Words& words) const { return mistake(words, child()); }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

}  // namespace strait
