// strait data: text to tokens, and what is said of them.
#include <filesystem>

#include "core/base/files.h"
#include "tests/process/text_folder.h"

namespace strait {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("a text is prepared, and info says what there is", "[process]") {
  const TextFolder place;
  const Ended made =
      place.run({"data", "prepare", "text", "--out", "tokens", "--vocabulary", "300"});
  CAPTURE(made.err);
  REQUIRE(made.code == 0);
  CHECK_THAT(made.out,
             Contains("vocabulary of 300") && Contains("train on it with --data.text tokens"));
  CHECK(files_in(place / "tokens").count("manifest.json") == 1);
  const Ended info =
      place.run({"data", "info", "tokens", "--islands", "3", "--data.split", "by_size",
                 "--data.sizes", "2,1,1", "--data.held_out_windows", "4"});
  CAPTURE(info.err);
  REQUIRE(info.code == 0);
  CHECK_THAT(info.out, Contains("3 islands, data.split = by_size, windows of 64 tokens") &&
                           Contains("50.0 %") && Contains("island 0 begins with: "));
  CHECK(place.run({"data", "info", "text", "--data.held_out_windows", "4"}).code == 0);
  write_file_atomically(place / "s.ini",
                        "[data]\ntext = tokens\nheld_out_windows = 4\n[network]\nkind = pipe\n");
  const Ended scenario = place.run({"data", "info", "s.ini", "--islands", "2"});
  CHECK(scenario.code == 0);
  CHECK_THAT(scenario.out, Contains("2 islands, data.split = mixed"));
}

TEST_CASE("the mistakes of strait data are told in one line", "[process]") {
  const TextFolder place;
  struct Row {
    Words words;
    std::string line;  // how it begins
  };
  const std::vector<Row> rows{
      {{"data"}, "no word after data; write strait data prepare TEXT --out FOLDER"},
      {{"data", "prepare", "text"}, "no --out; write strait data prepare"},
      {{"data", "prepare", "no", "--out", "x"}, "no: no such file or folder"},
      {{"data", "prepare", "text", "--out", "x", "--vocabulary", "12"},
       "--vocabulary 12: has to be 256 (bytes) or 257 to 65536"},
      {{"data", "prepare", "text", "--out", "text"}, "text is there already; remove it"},
      {{"data", "prepare", "text", "--out", "x", "--tokenizer", "text/one/1.txt"},
       "text/one/1.txt: it is no JSON object"},
      {{"data", "info"}, "no text; write strait data info"},
      {{"data", "info", "no"}, "no scenario no"},
      {{"data", "info", "text", "--islands", "1000", "--data.sequences", "16"},
       "too little training text in source 'one'"},
      {{"data", "info", "text", "--data.sizes", "1,2"},
       "data.sizes = 1,2: data.split = mixed does not read it; write data.split = by_size"},
      {{"data", "info", "text", "--data.split", "by_size", "--data.sizes", "1,2"},
       "data.sizes = 1,2: data.split = by_size takes a number for each of the run.islands = 4"},
      {{"data", "info", "text", "--data.mixing", "0.5"},
       "data.mixing = 0.5: data.split = mixed does not read it; write data.split = by_source"},
  };
  for (const Row& row : affordable(rows)) {
    CAPTURE(row.line);
    CHECK_THAT(place.refused(row.words), StartsWith(row.line));
  }
}

TEST_CASE("a full disk while preparing leaves nothing", "[process]") {
  const TextFolder place;
  Child child = place.child();
  child.largest_file = 20'000;
  const Ended ended = run_strait({"data", "prepare", "text", "--out", "tokens"}, child);
  CHECK(ended.code == 2);
  CHECK_THAT(only_line(ended), Contains("File too large; raise the limit (ulimit -f) or give "
                                        "another folder with --out"));
  for (const auto& entry : std::filesystem::directory_iterator(child.folder)) {
    CHECK(entry.path().filename() == "text");
  }
}

}  // namespace
}  // namespace strait
