#include "core/base/files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "core/base/errors.h"
#include "tests/support/catch.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

std::size_t files_in(const TemporaryFolder& folder) {
  const std::filesystem::directory_iterator files(folder.path());
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST_CASE("a written file holds its contents and replaces the older one", "[files]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "first");
  write_file_atomically(folder / "a", "second");
  CHECK(read_file(folder / "a") == "second");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("streamed writes of any size arrive in order", "[files]") {
  const TemporaryFolder folder;
  std::string expected;
  AtomicFile file(folder / "a");
  for (const std::size_t size : {1u, 70'000u, 3u, 65'536u, 0u, 200'000u, 65'535u, 2u}) {
    const std::string part(size, static_cast<char>('a' + expected.size() % 26));
    file.write(part);
    expected += part;
  }
  const std::byte zero{0};
  file.write(std::span(&zero, 1));
  expected += '\0';
  CHECK(file.size() == static_cast<std::int64_t>(expected.size()));
  file.commit();
  CHECK(read_file(folder / "a") == expected);
}

TEST_CASE("a file that is not committed leaves nothing and spares the older one", "[files]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "older");
  {
    AtomicFile file(folder / "a");
    file.write(std::string(100'000, 'x'));
    CHECK(files_in(folder) == 2);
  }
  CHECK(read_file(folder / "a") == "older");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a disk that is full is named with the file, and nothing half-written stays", "[files]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "older");
  std::string line;
  {
    const FileSizeLimit limit(10'000);
    try {
      write_file_atomically(folder / "a", std::string(100'000, 'x'));
    } catch (const UserError& error) {
      line = error.what();
    }
  }
  CHECK(line == fmt::format("cannot write {}: File too large; raise the limit (ulimit -f) or give "
                            "another folder with run.out",
                            folder / "a"));
  CHECK(read_file(folder / "a") == "older");
  CHECK(files_in(folder) == 1);
  CHECK(cannot_write("runs/x", ENOSPC) ==
        "cannot write runs/x: No space left on device; free space or give another folder with "
        "run.out");
}

TEST_CASE("paths that cannot be written are refused in one line", "[files]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "");
  std::filesystem::create_directory(folder / "folder");
  CHECK_THROWS_WITH(
      write_file_atomically(folder / "no/where", ""),
      fmt::format("cannot write {}: No such file or directory; make that folder first "
                  "or give another one with run.out",
                  folder / "no/where"));
  CHECK_THROWS_WITH(write_file_atomically(folder / "file/x", ""),
                    Catch::Contains("Not a directory"));
  CHECK_THROWS_WITH(write_file_atomically(folder / "folder", ""),
                    Catch::Contains("Is a directory"));
  CHECK(files_in(folder) == 2);
}

TEST_CASE("a folder without permission is refused", "[files]") {
  if (::geteuid() == 0) {
    WARN("not checked: root may write everywhere");
    return;
  }
  const TemporaryFolder folder;
  std::filesystem::permissions(
      folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  CHECK_THROWS_WITH(write_file_atomically(folder / "a", ""),
                    fmt::format("cannot write {}: Permission denied; give another folder with "
                                "run.out",
                                folder / "a"));
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

TEST_CASE("what cannot be read is named", "[files]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_file(folder / "a"),
                    fmt::format("cannot read {}: No such file or directory", folder / "a"));
  CHECK_THROWS_WITH(read_file(folder.path()), Catch::Contains("Is a directory"));
}

TEST_CASE("the folder of a path", "[files]") {
  CHECK(folder_of("a/b/c") == "a/b");
  CHECK(folder_of("c") == ".");
  CHECK(folder_of("/c") == "/");
}

}  // namespace
}  // namespace strait
