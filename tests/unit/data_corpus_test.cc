#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/train/data/corpus.h"
#include "core/train/data/find_text.h"
#include "core/train/data/pages.h"
#include "core/train/data/utf8.h"
#include "tests/support/catch.h"
#include "tests/unit/data_test_folder.h"

namespace strait {
namespace {

using Languages = std::vector<std::string>;

Corpus load_manual_pages(const std::filesystem::path& folder, const Languages& languages) {
  return load_text(manual_pages(folder, languages));
}
Corpus load_text_folder(const std::filesystem::path& folder) {
  return load_text(text_folder(folder));
}

std::string roff(const std::string& words) { return ".TH X 1\n.SH NAME\n" + words + "\n"; }

/// Twenty pages in each of three languages; each page says its language and name.
void write_pages(const TestFolder& folder) {
  for (const std::string language : {"", "de", "pt_BR"}) {
    for (int n = 0; n < 20; ++n) {
      const auto name = page_name(n < 4, n < 4 ? n : n - 4);
      folder.page("pages" + language, language, name, roff(fmt::format("<{}:{}>", language, name)));
    }
  }
}

const std::string kFix = "run scripts/setup.sh, or name a folder of text with data.text";

TEST_CASE("a page held out in one language is held out in all", "[data]") {
  const TestFolder folder;
  write_pages(folder);
  const Corpus corpus = load_manual_pages(folder.path(), Languages{"en", "de", "pt_BR"});
  REQUIRE(corpus.sources.size() == 3);
  CHECK(corpus.sources[2].name == "pt_BR");
  for (const auto& source : corpus.sources) {
    CHECK(source.pages.train_pages == 16);
    CHECK(source.pages.held_out_pages == 4);
    for (int n = 0; n < 4; ++n) {
      const std::string held_out = fmt::format(":{}>", page_name(true, n));
      CHECK(text_of(source.train).find(held_out) == std::string::npos);
      CHECK(text_of(source.held_out).find(held_out) != std::string::npos);
    }
  }
}

TEST_CASE("one page name in ten is held out, by a rule that never changes", "[data]") {
  int held_out = 0;
  for (int i = 0; i < 10'000; ++i) held_out += is_held_out(fmt::format("call{}.2", i));
  CHECK(held_out > 900);
  CHECK(held_out < 1100);
  // Fixed: another rule would be another data set.
  std::string names;
  for (int i = 0; i < 40; ++i) {
    if (is_held_out(fmt::format("call{}.2", i))) names += fmt::format("{} ", i);
  }
  CHECK(names == "18 22 24 28 35 ");
}

TEST_CASE("links, redirections and pages with equal contents are dropped", "[data]") {
  const TestFolder folder;
  write_pages(folder);
  const Languages all{"en", "de", "pt_BR"};
  const std::string hash = load_manual_pages(folder.path(), all).hash;
  const auto man = folder.path() / "pages/usr/share/man";
  std::filesystem::create_symlink(page_name(false, 0) + ".gz", man / "man1/zlink.1.gz");
  std::filesystem::create_directory_symlink("man1", man / "man7");
  folder.write("elsewhere/x.1", roff("text that only links lead to"));
  std::filesystem::create_symlink(folder.path() / "elsewhere/x.1", man / "man1/zoutside.1");
  std::filesystem::create_directory_symlink(folder.path() / "elsewhere", man / "man8");
  folder.page("pages", "", "zredirect.1", ".so man1/x.1\n");
  folder.page("pages", "", "zcopy.1",
              ".\\\" other comments\n" + roff("<:" + page_name(true, 0) + ">"));
  folder.page("pagesde", "de", "zuntranslated.1", roff("<:" + page_name(false, 3) + ">"));
  CHECK(load_manual_pages(folder.path(), all).hash == hash);
  folder.page("pages", "", "znew.1", roff("new"));
  CHECK(load_manual_pages(folder.path(), all).hash != hash);
}

TEST_CASE("a long line counts once in a language, and an emptied section goes with it", "[data]") {
  const std::string licence(70, 'x');
  const TestFolder folder;
  for (const std::string language : {"", "de"}) {
    for (int n = 0; n < 3; ++n) {
      folder.page(
          "p", language, page_name(false, n),
          roff(fmt::format("{}{}\n.PP\n{}\n.SH LICENCE\n{}", language, n, licence, licence)));
    }
  }
  const Corpus corpus = load_manual_pages(folder.path(), Languages{"en", "de"});
  std::map<std::string, std::string> pages;  // what a page kept, by its first line
  for (int n = 0; n < 3; ++n) pages[page_name(false, n)] = fmt::format("NAME\n{}\n\n", n);
  auto first = pages.begin();
  first->second = first->second.substr(0, first->second.size() - 1) + licence + "\n\n";
  std::string expected;
  for (const auto& [name, text] : pages) expected += text;
  CHECK(text_of(corpus.sources[0].train) == expected);
  CHECK(text_of(corpus.sources[1].train).find(licence) != std::string::npos);
}

TEST_CASE("the hash follows every byte, name and side of the split, and no order of files",
          "[data]") {
  const Languages english{"en"};
  const auto hash_of = [&](const std::map<std::string, std::string>& pages,
                           const std::string& package, bool backwards) {
    const TestFolder folder;
    std::vector<std::pair<std::string, std::string>> list(pages.begin(), pages.end());
    if (backwards) std::reverse(list.begin(), list.end());
    for (const auto& [name, text] : list) folder.page(package, "", name, roff(text));
    return load_manual_pages(folder.path(), english).hash;
  };
  const std::map<std::string, std::string> pages = {
      {page_name(false, 0), "one"}, {page_name(false, 1), "two"}, {page_name(true, 0), "three"}};
  const std::string hash = hash_of(pages, "a", false);
  CHECK(hash.size() == 64);
  CHECK(hash_of(pages, "b", true) == hash);

  auto changed = pages;
  changed[page_name(false, 1)] = "twp";
  CHECK(hash_of(changed, "a", false) != hash);
  changed = pages;
  changed[page_name(true, 0)] = "thref";
  CHECK(hash_of(changed, "a", false) != hash);
  const TestFolder renamed;
  for (const auto& [name, text] : pages) renamed.page("a", "de", name, roff(text));
  CHECK(load_manual_pages(renamed.path(), Languages{"de"}).hash != hash);
  changed = pages;
  std::swap(changed[page_name(false, 0)], changed[page_name(true, 0)]);
  CHECK(hash_of(changed, "a", false) != hash);
}

TEST_CASE("old pages are read as Latin-1, newer ones as the UTF-8 they are", "[data]") {
  const TestFolder folder;
  folder.page("a", "de", page_name(false, 0),
              roff("Stra\xdf"
                   "e"));
  folder.page("a", "de", page_name(false, 1),
              roff("Stra\xc3\x9f"
                   "en"));
  const Corpus corpus = load_manual_pages(folder.path(), Languages{"de"});
  CHECK(text_of(corpus.sources[0].train).find("Straße\n") != std::string::npos);
  CHECK(text_of(corpus.sources[0].train).find("Straßen\n") != std::string::npos);
  for (const char* bad :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff", "\x80"}) {
    CHECK_FALSE(is_utf8(bad));
  }
  CHECK(is_utf8("aé€\xf0\x9f\x98\x80"));
}

TEST_CASE("a folder laid out as usr/share/man is read as it is", "[data]") {
  const TestFolder folder;
  folder.write("man1/" + page_name(false, 0), roff("plain file"));
  folder.write("man1/" + page_name(true, 0), roff("other file"));
  folder.write("fr/man1/" + page_name(false, 0), roff("fichier"));
  const Corpus corpus = load_manual_pages(folder.path(), Languages{"fr", "en"});
  CHECK(corpus.sources[0].pages.train_pages == 1);
  CHECK(text_of(corpus.sources[1].held_out) == "NAME\nother file\n\n");
}

TEST_CASE("the description names the text, its size, its hash and where it came from", "[data]") {
  const TestFolder folder;
  write_pages(folder);
  folder.write("SOURCE", "Debian 12\nmanpages 6.03\n");
  const Corpus corpus = load_manual_pages(folder.path(), Languages{"en", "de"});
  CHECK(corpus.description == "manual pages en,de: 0.0 MB train, 0.0 MB held out, sha256 " +
                                  corpus.hash.substr(0, 12) + " (Debian 12 manpages 6.03)");
}

TEST_CASE("missing text is told in one line with the fix", "[data]") {
  const TestFolder folder;
  const auto load = [&](const Languages& languages) {
    return user_error_of([&] { load_manual_pages(folder.path(), languages); });
  };
  const std::string at = folder.path().string();
  CHECK(load({"en"}) == "no manual pages in " + at + "; " + kFix);
  CHECK(user_error_of([&] { load_manual_pages(folder.path() / "none", Languages{"en"}); }) ==
        "no manual pages in " + at + "/none; " + kFix);
  write_pages(folder);
  CHECK(load({"en", "xx"}) ==
        "no text for language 'xx' in " + at + "; known: de, en, pt_BR; " + kFix);
  CHECK(load({"de", "de"}) == "language 'de' is named twice; name each once");
  CHECK(load({}) == "no language named for " + at + "; known: de, en, pt_BR");
  folder.page("empty", "it", "x.1", ".so y.1\n");
  CHECK(load({"it"}).find("no text for language 'it'") == 0);
}

TEST_CASE("a broken gzip file is named", "[data]") {
  const TestFolder folder;
  write_pages(folder);
  const std::string name = "pages/usr/share/man/man1/" + page_name(false, 0) + ".gz";
  const std::string good = [&] {
    std::ifstream in(folder.path() / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  const auto error = [&](const std::string& bytes) {
    folder.write(name, bytes);
    return user_error_of([&] { load_manual_pages(folder.path(), Languages{"en"}); });
  };
  const std::string expected =
      (folder.path() / name).string() + ": broken gzip file; delete it or fetch the text again";
  CHECK(error(good) == "");
  for (std::size_t size = 2; size < good.size(); size += 7)
    CHECK(error(good.substr(0, size)) == expected);
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 0x10);
  CHECK(error(flipped) == expected);
  CHECK(error(good + "garbage") == expected);
  CHECK(error(good + good) == "");  // two members are one text, as for gunzip
}

TEST_CASE("sub-folders of a text folder are sources", "[data]") {
  const TestFolder folder;
  for (int n = 0; n < 5; ++n) {
    folder.write("poems/" + page_name(false, n), fmt::format("roses {}\r\n", n));
    folder.write("poems/deep/er/" + std::to_string(n), fmt::format("deep {}\n", n));
  }
  folder.write("poems/" + page_name(true, 0), "violets\r");
  folder.write("poems/copy.1", "roses 0\n");
  folder.write("poems/picture", std::string("a\0b", 3));
  folder.write("poems/.hidden", "hidden\n");
  folder.write("single/book",
               "line of text\n" + std::string(100, 'x') + "\n" + std::string(20, 'y'));
  folder.write("empty/nothing", "");
  folder.write("SOURCE", "by hand");
  const Corpus corpus = load_text_folder(folder.path());
  REQUIRE(corpus.sources.size() == 2);
  const Source& poems = corpus.sources[0];
  CHECK(poems.name == "poems");
  CHECK(poems.pages.train_pages + poems.pages.held_out_pages == 11);
  CHECK(text_of(poems.held_out).find("violets\n") != std::string::npos);
  CHECK(text_of(poems.train).find("roses 4\n") != std::string::npos);
  CHECK(text_of(poems.train).find('\r') == std::string::npos);
  const Source& single = corpus.sources[1];
  CHECK(text_of(single.held_out) == std::string(13, 'y') + "\n");
  CHECK(single.train.size() == 13 + 101 + 7);
  CHECK(corpus.description.find("text poems,single: ") == 0);
  CHECK(corpus.description.find("(by hand)") != std::string::npos);
}

TEST_CASE("a folder of files is one source with the folder's name", "[data]") {
  const TestFolder folder;
  folder.write("book/one.txt", std::string(500, 'a') + "\n" + std::string(60, 'b'));
  folder.write("book/SOURCE", "a library");
  for (const auto* path : {"book", "book/", "./book/."}) {
    const Corpus corpus = load_text_folder(folder.path() / path);
    REQUIRE(corpus.sources.size() == 1);
    CHECK(corpus.sources[0].name == "book");
    CHECK(corpus.sources[0].held_out.size() > 50);
    CHECK(corpus.sources[0].held_out.size() < 70);
  }
}

TEST_CASE("a text folder without text is told in one line", "[data]") {
  const TestFolder folder;
  const std::string at = folder.path().string();
  CHECK(user_error_of([&] { load_text_folder(folder.path()); }) ==
        "no text files in " + at + "; put text there, or one folder per source");
  CHECK(user_error_of([&] { load_text_folder(folder.path() / "x"); }) ==
        at + "/x: no such folder; name a folder of text files");
}

}  // namespace
}  // namespace strait
