// Files of text and of tokens, and what is wrong with them.
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/rng.h"
#include "core/train/data/byte_reader.h"
#include "core/train/data/corpus.h"
#include "core/train/data/find_text.h"
#include "core/train/data/pages.h"
#include "core/train/data/text_files.h"
#include "core/train/data/utf8.h"
#include "tests/support/catch.h"
#include "tests/unit/data_test_folder.h"

namespace strait {
namespace {

std::string gzipped(const std::string& text) {
  z_stream s{};
  deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&s, text.size()), '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  s.avail_in = static_cast<uInt>(text.size());
  s.next_out = reinterpret_cast<Bytef*>(packed.data());
  s.avail_out = static_cast<uInt>(packed.size());
  deflate(&s, Z_FINISH);
  packed.erase(packed.size() - s.avail_out);
  deflateEnd(&s);
  return packed;
}

std::string zstd_packed(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

std::string random_text(std::size_t bytes) {
  Rng rng(8, "text");
  std::string text;
  while (text.size() < bytes)
    text += rng.below(12) == 0 ? '\n' : static_cast<char>('a' + rng.below(26));
  return text;
}

Corpus load(const TestFolder& folder, const std::string& name, std::int64_t vocabulary = 0) {
  return load_corpus({.text = (folder.path() / name).string(),
                      .languages = {},
                      .manual_pages = {},
                      .vocabulary = vocabulary});
}

std::string error_of(const TestFolder& folder, const std::string& name,
                     std::int64_t vocabulary = 0) {
  const std::string at = folder.path().string() + "/";
  std::string line = user_error_of([&] { load(folder, name, vocabulary); });
  if (const auto place = line.find(at); place != std::string::npos) line.erase(place, at.size());
  return line;
}

std::string tokens_of(const std::vector<std::uint16_t>& tokens) {
  return {reinterpret_cast<const char*>(tokens.data()), 2 * tokens.size()};
}

std::string llmc(std::int32_t magic, std::int32_t version, std::int32_t count,
                 const std::vector<std::uint16_t>& tokens) {
  std::vector<std::int32_t> header(256);
  header[0] = magic;
  header[1] = version;
  header[2] = count;
  return std::string(reinterpret_cast<const char*>(header.data()), 1024) + tokens_of(tokens);
}

TEST_CASE("packed files are read as they were", "[data]") {
  const TestFolder folder;
  const std::string text = random_text(3'000'000);
  folder.write("plain", text);
  folder.write("gzip", gzipped(text) + gzipped("more"));
  folder.write("zstd", zstd_packed(text) + zstd_packed("more"));
  CHECK(read_text_file(folder.path() / "plain") == text);
  CHECK(read_text_file(folder.path() / "gzip") == text + "more");
  CHECK(read_text_file(folder.path() / "zstd") == text + "more");
}

TEST_CASE("a damaged packed file is named, wherever it is damaged", "[data]") {
  const TestFolder folder;
  const std::string good = zstd_packed(random_text(20'000));
  const auto error = [&](const std::string& bytes) {
    folder.write("x", bytes);
    return user_error_of([&] { read_text_file(folder.path() / "x"); });
  };
  const std::string expected =
      (folder.path() / "x").string() + ": broken zstd file; delete it or fetch the text again";
  CHECK(error(good) == "");
  for (std::size_t size = 4; size < good.size(); size += 501) {
    CHECK(error(good.substr(0, size)) == expected);
  }
  CHECK(error(good + "garbage") == expected);
}

TEST_CASE("lines of JSON are documents", "[data]") {
  const TestFolder folder;
  std::string lines;
  for (int i = 0; i < 200; ++i) {
    lines += fmt::format("{{\"url\": \"x\", \"text\": \"line {}\\n\\u00e9\"}}\r\n", i);
  }
  for (const auto& [name, bytes] :
       std::map<std::string, std::string>{{"a.jsonl", lines},
                                          {"b.jsonl.gz", gzipped(lines)},
                                          {"c.json.zst", zstd_packed(lines)}}) {
    folder.write(name, bytes + (name == "a.jsonl" ? "\n\n" : ""));
    const Corpus corpus = load(folder, name);
    REQUIRE(corpus.sources.size() == 1);
    const Source& source = corpus.sources[0];
    CHECK(source.name == name.substr(0, 1));
    CHECK(source.pages.train_pages + source.pages.held_out_pages == 200);
    CHECK(source.pages.held_out_pages > 5);
    const std::string text = text_of(source.train) + text_of(source.held_out);
    CHECK(text.find("line 7\n\xc3\xa9\n") != std::string::npos);
  }
}

TEST_CASE("broken UTF-8 is kept as it is and counted", "[data]") {
  const TestFolder folder;
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += fmt::format("{{\"text\": \"good {}\"}}\n", i);
  lines += "{\"text\": \"bad \xff\xe2\x82 \\u20ac\"}\n";
  folder.write("a.jsonl", lines);
  const Corpus corpus = load(folder, "a.jsonl");
  CHECK(corpus.sources[0].pages.bad_utf8_bytes == 3);
  CHECK(corpus.sources[0].pages.bad_utf8_pages == 1);
  const std::string text = text_of(corpus.sources[0].train) + text_of(corpus.sources[0].held_out);
  CHECK(text.find("bad \xff\xe2\x82 \xe2\x82\xac\n") != std::string::npos);
}

TEST_CASE("a line that is no document is named by its number", "[data]") {
  const TestFolder folder;
  const std::string good = "{\"text\": \"a\"}\n",
                    fix = "; write one object per line, e.g. {\"text\": \"...\"}";
  const auto error = [&](const std::string& line) {
    folder.write("x.jsonl", good + "\n" + line);
    return error_of(folder, "x.jsonl");
  };
  CHECK(error("{\"text\": \"a\"") == "x.jsonl:3: not a JSON object" + fix);
  CHECK(error("[1]") == "x.jsonl:3: not a JSON object" + fix);
  CHECK(error("{\"txt\": \"a\"}") == "x.jsonl:3: no \"text\" with a string" + fix);
  CHECK(error("{\"text\": 1}") == "x.jsonl:3: no \"text\" with a string" + fix);
  CHECK(error("{\"text\": \"" + std::string(17 << 20, 'x') + "\"}") ==
        "x.jsonl:3: the line is longer than 16 MiB; split it into documents");
}

TEST_CASE("a pattern's files are grouped by folder", "[data]") {
  const TestFolder folder;
  for (const char* source : {"de", "en"}) {
    for (int i = 0; i < 12; ++i) {
      folder.write(fmt::format("texts/{}/{}.txt", source, page_name(i == 0, i)),
                   fmt::format("{} {}\n", source, i));
    }
    folder.write(fmt::format("texts/{}/notes.md", source), "no text of ours");
  }
  const Corpus corpus = load(folder, "texts/*/*.txt");
  REQUIRE(corpus.sources.size() == 2);
  CHECK(corpus.sources[0].name == "de");
  CHECK(corpus.sources[1].pages.files == 12);
  CHECK(text_of(corpus.sources[1].train).find("ours") == std::string::npos);
  CHECK(load(folder, "texts/de/*.txt").sources.at(0).name == "de");
  CHECK(error_of(folder, "texts/*/*.text") ==
        "texts/*/*.text: no such file or folder; name text files, token files, or a folder of one "
        "kind");
}

TEST_CASE("a file that is larger than a page is read in pages that end with a line", "[data]") {
  const TestFolder folder;
  const std::string text = random_text(40 << 20);
  folder.write("book.txt", text);
  std::vector<std::string> names;
  std::string all;
  read_pages(folder.path() / "book.txt", "book.txt", [&](Page& page) {
    names.push_back(page.name);
    CHECK(page.text.size() <= 16 << 20);
    CHECK((page.text.ends_with('\n') || all.size() + page.text.size() == text.size()));
    all += page.text;
  });
  CHECK(names == std::vector<std::string>{"book.txt", "book.txt#1", "book.txt#2"});
  CHECK((all == text));
}

TEST_CASE("token files of nanoGPT and llm.c are mapped", "[data]") {
  const TestFolder folder;
  std::vector<std::uint16_t> tokens;
  for (std::uint16_t i = 0; i < 1000; ++i) tokens.push_back(static_cast<std::uint16_t>(50 * i));
  folder.write("nano/train.bin", tokens_of(tokens));
  folder.write("nano/val.bin", tokens_of({1, 2, 3}));
  folder.write("llmc/web_train_000001.bin", llmc(20240520, 1, 1000, tokens));
  for (const auto& [name, held_out] : std::map<std::string, std::int64_t>{
           {"nano", 3}, {"llmc", 100}, {"nano/train.bin", 100}, {"llmc/*.bin", 100}}) {
    CAPTURE(name);
    const Corpus corpus = load(folder, name);
    REQUIRE(corpus.sources.size() == 1);
    CHECK_FALSE(corpus.is_bytes);
    CHECK(corpus.vocabulary == 50257);
    CHECK(corpus.sources[0].held_out.size() == held_out);
    const TokenSpan train = corpus.sources[0].train.pieces().front();
    CHECK(train.size() == (name == "nano" ? 1000 : 900));
    CHECK(train[899] == 50 * 899);
    CHECK(text_bytes(corpus, train) == std::nullopt);
  }
  CHECK(vocabulary_of_text((folder.path() / "nano").string()) == 50257);
}

TEST_CASE("a token file that is wrong is named with what is wrong", "[data]") {
  const TestFolder folder;
  const auto error = [&](const std::string& bytes, std::int64_t vocabulary = 0) {
    folder.write("x.bin", bytes);
    return error_of(folder, "x.bin", vocabulary);
  };
  CHECK(error("abc") == "x.bin: 3 bytes are no tokens of two bytes each; write it again");
  CHECK(error("") == "x.bin: no tokens in it; write it again");
  CHECK(error(llmc(20240520, 1, 3, {1, 2})) ==
        "x.bin: its header says 3 tokens of two bytes, and 4 bytes follow; write it again");
  CHECK(error(llmc(20240520, 2, 2, {1, 2})) ==
        "x.bin: llm.c's header has version 2, not 1; write it again");
  CHECK(error(llmc(20240801, 7, 1, {1, 2})) ==
        "x.bin: its tokens have four bytes (llm.c's version 7), and two are supported; write it "
        "again");
  std::vector<std::uint16_t> tokens(300'000, 7);
  tokens[299'000] = 50257;
  CHECK(error(tokens_of(tokens)) ==
        "x.bin: token 50257 at place 299000 is not below the vocabulary of 50257; give "
        "model.vocabulary, or the files of another tokenizer");
  CHECK(error(tokens_of(tokens), 50304) == "");
  CHECK(error_of(folder, "y.bin") ==
        "y.bin: no such file or folder; name text files, token files, or a folder of one kind");
}

TEST_CASE("what is no UTF-8 is told apart byte by byte", "[data]") {
  CHECK(bad_utf8_bytes("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == 0);
  CHECK(bad_utf8_bytes("\xff\x80z\xe2\x82") == 4);
  CHECK(bad_utf8_bytes("\xc0\x80\xed\xa0\x80") == 5);
  std::string text;
  for (const std::uint32_t code : {0x24u, 0xa2u, 0x20acu, 0x10348u}) append_utf8(code, text);
  CHECK(text == "$\xc2\xa2\xe2\x82\xac\xf0\x90\x8d\x88");
}

}  // namespace
}  // namespace strait
