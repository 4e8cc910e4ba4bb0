// strait data prepare's folders: what is written, read back, and refused.
#include <fmt/format.h>

#include <filesystem>

#include "core/base/files.h"
#include "core/train/data/batches.h"
#include "core/train/data/find_text.h"
#include "core/train/data/prepared.h"
#include "tests/support/catch.h"
#include "tests/support/file_size_limit.h"
#include "tests/unit/data_test_folder.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

/// Two sources of files, one of which is a single book.
class Place {
 public:
  Place() {
    for (int i = 0; i < 30; ++i) {
      std::string text;
      for (int k = 0; k < 100; ++k) text += fmt::format("the {} word of {} words\n", k * i, k);
      folder.write(fmt::format("text/many/{}.txt", i), text);
    }
    std::string book;
    for (int k = 0; k < 3000; ++k) book += fmt::format("ein Buch mit {} Zeilen \xff\n", k);
    folder.write("text/one/book.txt", book);
    folder.write("text/one/copy.txt", book);
  }

  TextPlace text() const { return text_folder(folder.path() / "text"); }
  std::string operator/(const std::string& name) const { return folder.path() / name; }
  std::string prepare(const std::string& name, std::size_t vocabulary,
                      const std::string& tokenizer = {}) const {
    return user_error_of([&] {
      prepare_text(text(), {.out = *this / name, .vocabulary = vocabulary, .tokenizer = tokenizer});
    });
  }

  TestFolder folder;
};

std::string all_text(const Corpus& corpus, const Tokens& tokens) {
  std::string text;
  for (const TokenSpan& piece : tokens.pieces()) text += text_of_tokens(corpus, piece);
  return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

TEST_CASE("prepared bytes are the text that is read without preparing", "[data]") {
  const Place place;
  REQUIRE(place.prepare("out", 256) == "");
  const Corpus read = load_text(place.text()), prepared = load_prepared(place / "out", 0);
  REQUIRE(prepared.sources.size() == 2);
  CHECK(prepared.is_bytes);
  for (std::size_t s = 0; s < 2; ++s) {
    CHECK(prepared.sources[s].name == read.sources[s].name);
    CHECK((text_of(prepared.sources[s].train) == text_of(read.sources[s].train)));
    CHECK((text_of(prepared.sources[s].held_out) == text_of(read.sources[s].held_out)));
    CHECK(prepared.sources[s].pages == read.sources[s].pages);
  }
  CHECK(prepared.sources[1].pages.repeated == 1);
  CHECK(prepared.sources[1].pages.bad_utf8_bytes == 3000);
  const Batches one(read, {.islands = 2, .context = 16}),
      two(prepared, {.islands = 2, .context = 16});
  std::vector<std::int64_t> a(8 * 16), b(8 * 16), unused(8 * 16);
  one.fill(1, 5, a, unused);
  two.fill(1, 5, b, unused);
  CHECK(a == b);
}

TEST_CASE("prepared byte pairs stand for the text, and say how many bytes a token has", "[data]") {
  const Place place;
  REQUIRE(place.prepare("out", 400) == "");
  const Corpus read = load_text(place.text()), prepared = load_prepared(place / "out", 0);
  CHECK(prepared.vocabulary == 400);
  CHECK(vocabulary_of_text(place / "out") == 400);
  REQUIRE(prepared.tokenizer);
  for (std::size_t s = 0; s < 2; ++s) {
    // A document ends with the end of text in the place of a newline.
    const Source& source = prepared.sources[s];
    const std::string end(kEndOfText);
    CHECK(
        (replaced(all_text(prepared, source.train), end, "\n") == text_of(read.sources[s].train)));
    CHECK(source.train.size() < read.sources[s].train.size() / 2);
    CHECK(text_bytes(prepared, source.train.pieces().front()) == read.sources[s].train.size());
  }
  const auto held_out = held_out_windows(prepared, 4, 16);
  const double bytes = bytes_per_token(prepared, held_out);
  CHECK(bytes > 2);
  CHECK(bytes < 10);
  CHECK(bytes_per_token(read, held_out_windows(read, 4, 16)) == 1);

  // Another text by the same tokenizer.
  REQUIRE(place.prepare("again", 256, place / "out/tokenizer.json") == "");
  CHECK(load_prepared(place / "again", 0).hash == prepared.hash);
  for (const char* file : {"00-many.train.bin", "manifest.json", "tokenizer.json"}) {
    CAPTURE(file);
    CHECK((read_file(place / "out/" + file) == read_file(place / "again/" + file)));
  }
}

TEST_CASE("nothing is left of a preparation that fails", "[data]") {
  const Place place;
  place.folder.write("there/file", "x");
  CHECK(place.prepare("there", 256) ==
        place / "there" + " is there already; remove it or give another name with --out");
  CHECK(
      place.prepare("no/such", 256).find("make that folder first or give another one with --out") !=
      std::string::npos);
  {
    const FileSizeLimit full(50'000);
    const std::string error = place.prepare("full", 256);
    CHECK(error.find(": File too large; raise the limit (ulimit -f) or give another folder with "
                     "--out") != std::string::npos);
  }
  place.folder.write("text/one/x.jsonl", "{\n");
  CHECK(place.prepare("broken", 400).find("x.jsonl:1: not a JSON object") != std::string::npos);
  for (const auto& entry : fs::directory_iterator(place.folder.path())) {
    const std::string name = entry.path().filename();
    CHECK((name == "text" || name == "there"));
  }
}

TEST_CASE("a prepared folder that was changed is refused", "[data]") {
  const Place place;
  REQUIRE(place.prepare("out", 300) == "");
  const std::string file = "out/01-one.held_out.bin";
  const std::string good = read_file(place / file),
                    manifest = read_file(place / "out/manifest.json");
  const auto error = [&] { return user_error_of([&] { load_prepared(place / "out", 0); }); };
  const std::string fix = "; prepare the text again";
  CHECK(error() == "");
  place.folder.write(file, good.substr(0, 100));
  CHECK(error().find("100 bytes, where the manifest says ") != std::string::npos);
  std::string changed = good;
  changed[1000] = static_cast<char>(changed[1000] ^ 1);
  place.folder.write(file, changed);
  CHECK(error() == place / file + ": its bytes are not those that were written" + fix);
  changed[1001] = '\x7f';
  place.folder.write(file, changed);
  CHECK(error().find("is not below the vocabulary of 300") != std::string::npos);
  place.folder.write(file, good);
  place.folder.write("out/manifest.json", replaced(manifest, "\"version\": 1", "\"version\": 2"));
  CHECK(error() == place / "out/manifest.json" + ": version 2, where this program writes 1" + fix);
  place.folder.write("out/manifest.json", "{}");
  CHECK(error() == place / "out/manifest.json" + ": no manifest of strait data prepare" + fix);
}

}  // namespace
}  // namespace strait
