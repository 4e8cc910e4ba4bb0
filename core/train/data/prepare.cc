#include <fmt/format.h>

#include <memory>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/data/bytes_hash.h"
#include "core/train/data/manifest.h"
#include "core/train/data/prepared.h"
#include "core/train/data/train_tokenizer.h"

namespace strait {
namespace {

constexpr const char* kOption = "--out";
constexpr const char* kTokenizer = "tokenizer.json";

// A vocabulary hardly changes with more text than this.
constexpr std::size_t kSampleBytes = 32 << 20;

/// A token file that is being written, and its hash.
class TokenWriter {
 public:
  TokenWriter(const std::string& folder, std::string name)
      : file_(folder + "/" + name, kOption), row_{.name = std::move(name), .hash = {}} {}

  void add(std::span<const std::byte> bytes, std::int64_t tokens) {
    file_.write(bytes);
    hash_.add(bytes);
    row_.tokens += tokens;
  }

  ManifestFile commit() {
    file_.commit();
    row_.hash = hash_.hex();
    return row_;
  }

 private:
  AtomicFile file_;
  ManifestFile row_;
  BytesHash hash_;
};

/// Letters, digits and a few signs of a source's name, so that it may be a file's.
std::string file_name(std::string name) {
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  return name.substr(0, 100);
}

class TokenSink final : public TextSink {
 public:
  TokenSink(std::string folder, const Tokenizer* tokenizer)
      : folder_(std::move(folder)), tokenizer_(tokenizer) {
    if (tokenizer != nullptr) encoder_.emplace(*tokenizer);
  }

  void begin(const PageSource& source) override {
    name_ = source.name;
    const std::string file = fmt::format("{:02}-{}", sources.size(), file_name(source.name));
    train_ = std::make_unique<TokenWriter>(folder_, file + ".train.bin");
    held_out_ = std::make_unique<TokenWriter>(folder_, file + ".held_out.bin");
  }

  void add(std::string_view text, bool held_out, bool ends_page) override {
    TokenWriter& file = held_out ? *held_out_ : *train_;
    if (!encoder_) {
      file.add(std::as_bytes(std::span(text)), std::ssize(text));
      if (ends_page) file.add(std::as_bytes(std::span("\n", 1)), 1);
      return;
    }
    tokens_.clear();
    encoder_->encode(text, tokens_);
    if (ends_page && tokenizer_->end_of_text()) tokens_.push_back(*tokenizer_->end_of_text());
    file.add(std::as_bytes(std::span(tokens_)), std::ssize(tokens_));
  }

  void end(const PageCounts& counts) override {
    sources.push_back({.name = name_,
                       .train = train_->commit(),
                       .held_out = held_out_->commit(),
                       .pages = counts});
  }

  std::vector<ManifestSource> sources;

 private:
  std::string folder_, name_;
  const Tokenizer* tokenizer_;
  std::optional<Encoder> encoder_;
  std::vector<Token> tokens_;
  std::unique_ptr<TokenWriter> train_, held_out_;
};

/// Bytes of files that were read, told on.
class Reading {
 public:
  Reading(const PrepareProgress& progress, std::string what, std::int64_t total)
      : progress_(progress), what_(std::move(what)), total_(total) {}

  void operator()(std::int64_t bytes) {
    done_ += bytes;
    if (progress_ && total_ > 0) progress_(what_, std::min(done_, total_), total_);
  }

 private:
  const PrepareProgress& progress_;
  std::string what_;
  std::int64_t done_ = 0, total_;
};

/// Counts the words of a sample of each source's text to train on.
class SampleSink final : public TextSink {
 public:
  explicit SampleSink(std::size_t sources) : bytes_(kSampleBytes / sources), sample_(bytes_) {}

  void begin(const PageSource&) override { sample_ = TextSample(bytes_); }
  void add(std::string_view text, bool held_out, bool) override {
    if (!held_out) sample_.add(text);
  }
  void end(const PageCounts&) override { sample_.count(words); }

  WordCounts words;

 private:
  std::size_t bytes_;
  TextSample sample_;
};

Tokenizer learn(const TextPlace& text, std::size_t vocabulary, const PrepareProgress& progress) {
  SampleSink sample(text.sources.size());
  Reading reading(progress, "reading", text.file_bytes());
  split_text(text, sample, std::ref(reading));
  return train_tokenizer(sample.words, vocabulary, [&](std::size_t tokens) {
    if (progress) {
      progress("learning tokens", static_cast<std::int64_t>(tokens),
               static_cast<std::int64_t>(vocabulary));
    }
  });
}

std::vector<ManifestSource> write_tokens(const TextPlace& text, const std::string& folder,
                                         const Tokenizer* tokenizer,
                                         const PrepareProgress& progress) {
  TokenSink sink(folder, tokenizer);
  Reading reading(progress, "writing tokens", text.file_bytes());
  split_text(text, sink, std::ref(reading));
  for (const ManifestSource& source : sink.sources) {
    for (const bool held_out : {false, true}) {
      if ((held_out ? source.held_out : source.train).tokens > 0) continue;
      throw UserError(fmt::format("source '{}' has no {} text; add files to it, or leave it out",
                                  source.name, held_out ? "held-out" : "training"));
    }
  }
  return std::move(sink.sources);
}

}  // namespace

void prepare_text(const TextPlace& text, const PrepareOptions& options,
                  const PrepareProgress& progress) {
  AtomicFolder folder(options.out, kOption);
  std::optional<Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) {
    tokenizer.emplace(parse_tokenizer(read_file(options.tokenizer), options.tokenizer));
  } else if (options.vocabulary > 256) {
    tokenizer.emplace(learn(text, options.vocabulary, progress));
  }
  Manifest manifest{.text = text.kind, .tokenizer = {}, .sources = {}};
  manifest.sources =
      write_tokens(text, folder.temporary(), tokenizer ? &*tokenizer : nullptr, progress);
  const auto write = [&](const std::string& name, const std::string& contents) {
    AtomicFile file(folder.temporary() + "/" + name, kOption);
    file.write(contents);
    file.commit();
  };
  if (tokenizer) {
    manifest.vocabulary = static_cast<std::int64_t>(tokenizer->vocabulary());
    manifest.tokenizer = kTokenizer;
    write(kTokenizer, tokenizer_json(*tokenizer));
    write("tokenizer_config.json", tokenizer_config_json(*tokenizer));
  }
  write(kManifestName, manifest_json(manifest));
  folder.commit();
}

}  // namespace strait
