#include "core/train/data/corpus.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include <memory>

#include "core/base/check.h"
#include "core/train/data/pages.h"
#include "core/train/data/text_files.h"

namespace strait {
namespace {

constexpr std::uint64_t kHeldOutOneIn = 10;

EVP_MD_CTX* context_of(const std::unique_ptr<void, void (*)(void*)>& context) {
  return static_cast<EVP_MD_CTX*>(context.get());
}

void add(PartsHash& hash, const Tokens& bytes) {
  STRAIT_CHECK(bytes.pieces().size() <= 1, "{} pieces of text", bytes.pieces().size());
  const auto all = bytes.pieces().empty() ? TokenSpan() : bytes.pieces().front();
  hash.add(all.data(), all.size());
}

/// Keeps the text in memory, a source after the other.
class Memory final : public TextSink {
 public:
  void begin(const PageSource& source) override {
    name_ = source.name;
    train_.clear();
    held_out_.clear();
  }
  void add(std::string_view text, bool held_out, bool ends_page) override {
    auto& bytes = held_out ? held_out_ : train_;
    bytes.insert(bytes.end(), text.begin(), text.end());
    if (ends_page) bytes.push_back('\n');
  }
  void end(const PageCounts& counts) override {
    train_.shrink_to_fit();
    held_out_.shrink_to_fit();
    sources.push_back({.name = name_,
                       .train = Tokens(std::move(train_)),
                       .held_out = Tokens(std::move(held_out_)),
                       .pages = counts});
  }

  std::vector<Source> sources;

 private:
  std::string name_;
  std::vector<std::uint8_t> train_, held_out_;
};

}  // namespace

PartsHash::PartsHash()
    : context_(EVP_MD_CTX_new(), [](void* c) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(c)); }) {
  STRAIT_CHECK(context_ && EVP_DigestInit_ex(context_of(context_), EVP_sha256(), nullptr) == 1,
               "OpenSSL has no SHA-256");
}

void PartsHash::add(const void* data, std::size_t size) {
  std::uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(size >> (8 * i));
  EVP_DigestUpdate(context_of(context_), length, sizeof length);
  EVP_DigestUpdate(context_of(context_), data, size);
}

std::string PartsHash::hex() {
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  STRAIT_CHECK(EVP_DigestFinal_ex(context_of(context_), digest, &size) == 1,
               "SHA-256 did not finish");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

bool is_held_out(std::string_view name) {
  return XXH3_64bits(name.data(), name.size()) % kHeldOutOneIn == 0;
}

std::optional<std::int64_t> text_bytes(const Corpus& corpus, TokenSpan tokens) {
  if (corpus.is_bytes) return static_cast<std::int64_t>(tokens.size());
  if (!corpus.tokenizer) return std::nullopt;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) bytes += corpus.tokenizer->text_bytes(tokens[i]);
  return bytes;
}

std::string text_of_tokens(const Corpus& corpus, TokenSpan tokens) {
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (corpus.is_bytes) {
      text += static_cast<char>(tokens[i]);
    } else if (corpus.tokenizer) {
      text += corpus.tokenizer->piece(tokens[i]);
    } else {
      text += fmt::format("{}{}", i == 0 ? "" : " ", tokens[i]);
    }
  }
  return text;
}

std::string describe(const Corpus& corpus, const std::string& kind,
                     const std::filesystem::path& folder) {
  std::int64_t train = 0, held_out = 0;
  std::string names;
  for (const auto& source : corpus.sources) {
    train += source.train.size();
    held_out += source.held_out.size();
    if (!names.empty()) names += ',';
    names += source.name;
  }
  std::string text =
      fmt::format("{} {}: {:.1f} M{} train, {:.1f} M{} held out, sha256 {}", kind, names,
                  static_cast<double>(train) * 1e-6, corpus.is_bytes ? "B" : " tokens",
                  static_cast<double>(held_out) * 1e-6, corpus.is_bytes ? "B" : " tokens",
                  corpus.hash.substr(0, 12));
  std::error_code missing;
  if (std::filesystem::is_regular_file(folder / "SOURCE", missing)) {
    std::string from = read_text_file(folder / "SOURCE");
    while (!from.empty() && from.back() == '\n') from.pop_back();
    for (char& c : from) c = static_cast<unsigned char>(c) < 0x20 || c == '\x7f' ? ' ' : c;
    text += fmt::format(" ({})", from);
  }
  return text;
}

Corpus load_text(const TextPlace& text) {
  Memory memory;
  split_text(text, memory);
  Corpus corpus{.sources = std::move(memory.sources), .hash = {}, .description = {}};
  PartsHash hash;
  for (const auto& source : corpus.sources) {
    hash.add(source.name);
    add(hash, source.train);
    add(hash, source.held_out);
  }
  corpus.hash = hash.hex();
  corpus.description = describe(corpus, text.kind, text.folder);
  return corpus;
}

}  // namespace strait
