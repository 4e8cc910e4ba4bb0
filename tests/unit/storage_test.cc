#include "core/base/storage.h"

#include <fmt/format.h>

#include <set>

#include "core/base/files.h"
#include "tests/support/catch.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

void append(Storage& storage, const std::string& file, std::string_view text) {
  storage.append(file, std::as_bytes(std::span(text.data(), text.size())));
}

/// "(none)" if there is no such file.
std::string text_of(Storage& storage, const std::string& file) {
  const auto bytes = storage.read(file);
  if (!bytes) return "(none)";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

/// What every storage promises to a program that does not crash.
void check_conformance(Storage& storage) {
  CHECK(text_of(storage, "journal") == "(none)");

  append(storage, "journal", "one ");
  append(storage, "journal", "two ");
  CHECK(text_of(storage, "journal") == "one two ");  // read sees what is not synced yet
  storage.sync("journal");
  append(storage, "journal", "three");
  CHECK(text_of(storage, "journal") == "one two three");

  storage.sync("empty");
  CHECK(text_of(storage, "empty") == "");

  append(storage, "new", "next");
  storage.sync("new");
  storage.rename("new", "journal");  // replaces
  CHECK(text_of(storage, "journal") == "next");
  CHECK(text_of(storage, "new") == "(none)");

  append(storage, "journal", "!");  // to the file of that name, not to the one it replaced
  append(storage, "new", "again");
  CHECK(text_of(storage, "journal") == "next!");
  CHECK(text_of(storage, "new") == "again");

  CHECK_THROWS_AS(storage.rename("nothing", "journal"), StorageError);
  CHECK(text_of(storage, "journal") == "next!");
}

/// Likewise of every storage with folders.
void check_folders(FolderStorage& storage) {
  using Names = std::vector<std::string>;
  CHECK(storage.list("").empty());
  CHECK(storage.list("none").empty());
  storage.make_folder("b");
  storage.make_folder("b");
  storage.make_folder("a");
  append(storage, "b/two", "2");
  append(storage, "b/one", "1");
  storage.sync("b/one");
  append(storage, "file", "0");
  CHECK(storage.list("") == Names{"a", "b", "file"});
  CHECK(storage.list("b") == Names{"one", "two"});

  storage.rename("b", "c");
  CHECK(storage.list("") == Names{"a", "c", "file"});
  CHECK(text_of(storage, "c/one") == "1");
  CHECK(text_of(storage, "b/one") == "(none)");
  append(storage, "c/one", "+");  // to the file of that name
  CHECK(text_of(storage, "c/one") == "1+");

  storage.remove("c/two");
  CHECK(storage.list("c") == Names{"one"});
  storage.remove("c");
  storage.remove("c");
  CHECK(storage.list("") == Names{"a", "file"});
  CHECK(text_of(storage, "c/one") == "(none)");
}

TEST_CASE("folders keep the promises of a storage", "[storage]") {
  const TemporaryFolder folder;
  FileStorage files(folder.path());
  check_folders(files);
  SimulatedStorage memory;
  check_folders(memory);
}

TEST_CASE("files keep the promises of a storage", "[storage]") {
  const TemporaryFolder folder;
  FileStorage storage(folder.path());
  check_conformance(storage);
  FileStorage later(folder.path());
  append(later, "journal", "?");
  CHECK(text_of(later, "journal") == "next!?");
}

TEST_CASE("the simulated storage keeps the promises of a storage", "[storage]") {
  SimulatedStorage storage;
  check_conformance(storage);
}

TEST_CASE("a crash takes what was not synced and nothing else", "[storage]") {
  SimulatedStorage storage;
  append(storage, "journal", "kept");
  storage.sync("journal");
  append(storage, "journal", " lost");
  append(storage, "never synced", "x");
  append(storage, "new", "whole");
  storage.sync("new");
  storage.rename("new", "checkpoint");
  append(storage, "torn", "x");
  storage.rename("torn", "renamed too early");
  storage.crash();
  CHECK(text_of(storage, "journal") == "kept");
  CHECK(text_of(storage, "never synced") == "(none)");
  CHECK(text_of(storage, "checkpoint") == "whole");
  CHECK(text_of(storage, "new") == "(none)");
  CHECK(text_of(storage, "renamed too early") == "");
}

TEST_CASE("a torn tail is some beginning of what was not synced", "[storage]") {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedStorage storage;
    append(storage, "journal", "AB");
    storage.sync("journal");
    append(storage, "journal", "cd");
    Rng rng(seed, "crash");
    storage.crash_with_torn_tails(rng);
    seen.insert(text_of(storage, "journal"));
  }
  CHECK(seen == std::set<std::string>{"AB", "ABc", "ABcd"});
}

TEST_CASE("an append that the disk refuses leaves the file as it was", "[storage]") {
  const TemporaryFolder folder;
  FileStorage storage(folder.path());
  append(storage, "journal", "whole");
  std::string line;
  {
    const FileSizeLimit limit(8);  // room for three of the letters
    try {
      append(storage, "journal", "too much");
    } catch (const StorageError& error) {
      line = error.what();
    }
  }
  CHECK(line == fmt::format("cannot write {}: File too large; raise the limit (ulimit -f) or give "
                            "another folder with run.out",
                            folder / "journal"));
  CHECK(text_of(storage, "journal") == "whole");
  append(storage, "journal", " again");
  storage.sync("journal");
  CHECK(text_of(storage, "journal") == "whole again");
}

TEST_CASE("a folder that is not there is refused", "[storage]") {
  FileStorage storage("/no/such/folder");
  CHECK_THROWS_AS(append(storage, "journal", "x"), StorageError);
  CHECK(text_of(storage, "journal") == "(none)");
}

}  // namespace
}  // namespace strait
