// Networks from CSV files that a test writes, and what is said about them.
#pragma once

#include <fstream>
#include <map>
#include <string>

#include "core/base/errors.h"
#include "netsim/network_files.h"
#include "tests/support/temporary_folder.h"

namespace strait {

/// The text of each file; an empty one is not named.
struct NetworkTexts {
  std::string links = "island,up,down,delay\n*,20mbit,10mbit,20ms\n";
  std::string islands{};
  std::string bottlenecks{};
  std::string events{};
  std::string regions{};
  std::string trace{};                        // trace.csv, for events to name
  std::map<std::string, std::string> more{};  // others by name, likewise
  int count = 3;
};

inline NetworkDescription read(const NetworkTexts& texts, std::uint64_t seed = 1) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    if (text.empty()) return std::string();
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  };
  const NetworkFiles files{write("links.csv", texts.links), write("islands.csv", texts.islands),
                           write("bottlenecks.csv", texts.bottlenecks),
                           write("events.csv", texts.events), write("regions.csv", texts.regions)};
  write("trace.csv", texts.trace);
  for (const auto& [name, text] : texts.more) write(name, text);
  try {
    return read_network(files, texts.count, seed);
  } catch (const UserError& error) {
    std::string what = error.what();  // without the folder, which has another name each time
    const std::string path = folder.path() + "/";
    for (std::size_t at = what.find(path); at != std::string::npos; at = what.find(path)) {
      what.erase(at, path.size());
    }
    throw UserError(what);
  }
}

/// The one line that is said about these files.
inline std::string complaint(const NetworkTexts& texts) {
  try {
    (void)read(texts);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace strait
