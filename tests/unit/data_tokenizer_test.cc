// Against Hugging Face's tokenizers: tests/tokenizer/make_golden.py wrote what they say.
#include "core/train/data/tokenizer.h"

#include <fmt/format.h>

#include <sstream>

#include "core/base/files.h"
#include "core/base/rng.h"
#include "core/train/data/train_tokenizer.h"
#include "core/train/data/word_split.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/unit/data_test_folder.h"

namespace strait {
namespace {

const std::string kFolder = "tests/tokenizer/";

Tokenizer golden(const std::string& name = "tokenizer.json") {
  return parse_tokenizer(read_file(kFolder + name), name);
}

std::vector<Token> golden_ids(const std::string& name) {
  std::istringstream in(read_file(kFolder + name));
  std::vector<Token> ids;
  for (int id = 0; in >> id;) ids.push_back(static_cast<Token>(id));
  return ids;
}

std::vector<Token> encoded(const Tokenizer& tokenizer, const std::string& text) {
  Encoder encoder(tokenizer);
  std::vector<Token> tokens;
  encoder.encode(text, tokens);
  return tokens;
}

bool equal(const Tokenizer& a, const Tokenizer& b) {
  if (a.vocabulary() != b.vocabulary() || a.merges() != b.merges()) return false;
  for (std::size_t i = 0; i < a.vocabulary(); ++i) {
    if (a.piece(static_cast<Token>(i)) != b.piece(static_cast<Token>(i))) return false;
  }
  return a.special() == b.special();
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = word_end(text, at);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

TEST_CASE("text becomes the reference's tokens", "[data]") {
  const Tokenizer tokenizer = golden();
  CHECK(encoded(tokenizer, read_file(kFolder + "text.bin")) == golden_ids("text.ids"));
  CHECK(encoded(tokenizer, read_file(kFolder + "broken.bin")) == golden_ids("broken.ids"));
}

TEST_CASE("a vocabulary that is learned is the reference's", "[data]") {
  WordCounts counts;
  counts.add(read_file(kFolder + "text.bin"));
  const Tokenizer tokenizer = train_tokenizer(counts, 600);
  const Tokenizer reference = golden();
  REQUIRE(tokenizer.vocabulary() == reference.vocabulary());
  CHECK(tokenizer.merges() == reference.merges());
  CHECK(equal(tokenizer, reference));
}

TEST_CASE("both forms of merges are read, and what is written is read back", "[data]") {
  const Tokenizer tokenizer = golden();
  CHECK(equal(tokenizer, golden("old_merges.json")));
  CHECK(equal(tokenizer, parse_tokenizer(tokenizer_json(tokenizer), "again")));
  CHECK(tokenizer.end_of_text() == Token{0});
  CHECK(tokenizer.text_bytes(0) == 1);
}

// The characters of GPT-2's bytes_to_unicode: each byte has one, and its number is the byte.
TEST_CASE("the tokens of byte text are the bytes", "[data]") {
  const std::string json = tokenizer_json(byte_tokenizer());
  for (const char* token : {"\"A\": 65,", "\"\u0120\": 32,", "\"\u010A\": 10,", "\"\u0143\": 173,",
                            "\"\u00FF\": 255\n", "\"\\\"\": 34,"}) {
    CHECK_THAT(json, Catch::Matchers::Contains(token));
  }
  CHECK(equal(parse_tokenizer(json, "bytes"), byte_tokenizer()));
  CHECK(encoded(byte_tokenizer(), "a\xC3\xA4\xFF b") ==
        std::vector<Token>{0x61, 0xC3, 0xA4, 0xFF, 0x20, 0x62});
}

TEST_CASE("decoding gives any bytes back", "[data]") {
  const auto seed = test_seed();
  CAPTURE(seed);
  const Tokenizer tokenizer = golden();
  Encoder encoder(tokenizer);
  Rng rng(seed, "bytes");
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const std::uint64_t length = rng.below(300), alphabet = 1 + rng.below(256);
    for (std::uint64_t i = 0; i < length; ++i) {
      text += static_cast<char>(round % 2 == 0 ? rng.below(256) : 32 + rng.below(alphabet));
    }
    std::vector<Token> tokens;
    encoder.encode(text, tokens);
    REQUIRE(tokenizer.decode(tokens) == text);
    std::int64_t bytes = 0;
    for (const Token token : tokens) bytes += tokenizer.text_bytes(token);
    REQUIRE(bytes == std::ssize(text));
  }
}

TEST_CASE("words are cut as GPT-2 does", "[data]") {
  using Words = std::vector<std::string>;
  CHECK(words_of("it's  a dog's") == Words{"it", "'s", " ", " a", " dog", "'s"});
  CHECK(words_of("x  \n\n y ") == Words{"x", "  \n\n", " y", " "});
  CHECK(words_of("\n\nend\n") == Words{"\n", "\n", "end", "\n"});
  CHECK(words_of(" 12ab!? \xc2\xa0z") == Words{" 12", "ab", "!?", " ", "\xc2\xa0", "z"});
  CHECK(words_of("a\xff\xfe b") == Words{"a", "\xff\xfe", " b"});
  CHECK(words_of("'tis 'TIS") == Words{"'t", "is", " '", "TIS"});
}

TEST_CASE("a long word without a break takes no square of its length", "[data]") {
  const Tokenizer tokenizer = golden();
  const std::string text(1 << 20, 'a');
  CHECK(tokenizer.decode(encoded(tokenizer, text)) == text);
}

TEST_CASE("learning stops where no pair occurs twice", "[data]") {
  WordCounts counts;
  counts.add("abc abd");
  const Tokenizer tokenizer = train_tokenizer(counts, 4096);
  CHECK(tokenizer.vocabulary() == kSmallestVocabulary + 1);  // "ab"; "abc" and " ab" occur once
}

TEST_CASE("a sample keeps its bounds and does not depend on the order of texts", "[data]") {
  TextSample forwards(1000), backwards(1000);
  std::int64_t words = 0;
  for (int i = 0; i < 500; ++i) forwards.add(fmt::format("{:010}", i));
  for (int i = 499; i >= 0; --i) backwards.add(fmt::format("{:010}", i));
  WordCounts one, two;
  forwards.count(one);
  backwards.count(two);
  CHECK(one.words() == two.words());
  for (const auto& [word, count] : one.words()) words += count;
  CHECK(words == 100);
}

TEST_CASE("a tokenizer of another kind is refused with the reason", "[data]") {
  const std::string good = read_file(kFolder + "tokenizer.json");
  const auto error = [&](const std::string& from, const std::string& to) {
    std::string json = good;
    const auto at = json.find(from);
    REQUIRE(at != std::string::npos);
    json.replace(at, from.size(), to);
    return user_error_of([&] { parse_tokenizer(json, "t.json"); });
  };
  const auto says = [](const std::string& why) {
    return "t.json: " + why +
           "; give a byte-level BPE tokenizer.json as GPT-2's, or train one with --vocabulary";
  };
  CHECK(error("\"BPE\"", "\"Unigram\"") == says("its model is no BPE"));
  CHECK(error("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}") ==
        says("it normalizes text"));
  CHECK(error("\"use_regex\": true", "\"use_regex\": false") ==
        says("its pre_tokenizer is not GPT-2's ByteLevel"));
  CHECK(error("\"id\": 0", "\"id\": 65536") ==
        says("a token's number is not below 65536, which token files can hold"));
  CHECK(error("\"merges\"", "\"mergers\"") == says("no right 'merges'"));
  CHECK(error("{", "") == says("it is no JSON object"));
}

}  // namespace
}  // namespace strait
