#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/errors.h"
#include "core/train/data/tokenizer.h"
#include "core/train/data/utf8.h"

namespace strait {
namespace {

using Json = nlohmann::ordered_json;

/// In the file a byte is a printable character: itself, or one from U+0100 on.
std::array<std::uint32_t, 256> characters_of_bytes() {
  std::array<std::uint32_t, 256> characters{};
  std::uint32_t next = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    characters[byte] = printable ? byte : next++;
  }
  return characters;
}

std::string written(const std::string& piece) {
  static const auto characters = characters_of_bytes();
  std::string text;
  for (const char c : piece) append_utf8(characters[static_cast<unsigned char>(c)], text);
  return text;
}

/// The bytes of a written piece; nothing if it has another character.
std::optional<std::string> bytes_of(const std::string& text) {
  static const auto bytes = [] {
    std::map<std::uint32_t, char> map;
    const auto characters = characters_of_bytes();
    for (std::size_t byte = 0; byte < 256; ++byte) map[characters[byte]] = static_cast<char>(byte);
    return map;
  }();
  std::string piece;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character character = utf8_at(text, at);
    const auto byte = bytes.find(character.code);
    if (character.bytes == 0 || byte == bytes.end()) return std::nullopt;
    piece += byte->second;
    at += static_cast<std::size_t>(character.bytes);
  }
  return piece;
}

class Reader {
 public:
  Reader(const std::string& json, const std::string& file)
      : file_(file), json_(nlohmann::json::parse(json, nullptr, /*exceptions=*/false)) {
    if (!json_.is_object()) refuse("it is no JSON object");
  }

  Tokenizer read() {
    check_kind();
    read_pieces();
    for (const auto& merge : part(model(), "merges", &nlohmann::json::is_array)) add_merge(merge);
    std::vector<bool> bytes(256);
    for (const auto& [text, token] : tokens_) {
      const std::string& piece = pieces_[token];
      if (piece.size() == 1) bytes[static_cast<unsigned char>(piece[0])] = true;
    }
    if (std::count(bytes.begin(), bytes.end(), true) != 256) refuse("not every byte is a token");
    return {std::move(pieces_), std::move(merges_), std::move(special_)};
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw UserError(fmt::format(
        "{}: {}; give a byte-level BPE tokenizer.json as GPT-2's, or train one with --vocabulary",
        file_, why));
  }

  const nlohmann::json& part(const nlohmann::json& object, const char* name,
                             bool (nlohmann::json::*is)() const noexcept) const {
    const auto found = object.find(name);
    if (found == object.end() || !((*found).*is)()) refuse(fmt::format("no right '{}'", name));
    return *found;
  }
  const nlohmann::json& model() const { return part(json_, "model", &nlohmann::json::is_object); }

  /// The steps whose order or rules would give other tokens.
  void check_kind() const {
    const auto is_off = [](const nlohmann::json& object, const char* name) {
      const auto found = object.find(name);
      return found == object.end() || found->is_null() || *found == false || *found == "";
    };
    if (!is_off(json_, "normalizer")) refuse("it normalizes text");
    if (model().value("type", "BPE") != "BPE") refuse("its model is no BPE");
    for (const char* name : {"dropout", "continuing_subword_prefix", "end_of_word_suffix",
                             "byte_fallback", "ignore_merges"}) {
      if (!is_off(model(), name)) refuse(fmt::format("its model has {}", name));
    }
    const auto& split = part(json_, "pre_tokenizer", &nlohmann::json::is_object);
    if (split.value("type", "") != "ByteLevel" || !split.value("use_regex", true)) {
      refuse("its pre_tokenizer is not GPT-2's ByteLevel");
    }
    if (split.value("add_prefix_space", false)) refuse("its pre_tokenizer adds a blank");
  }

  void put(const std::string& written_piece, const nlohmann::json& number, std::string piece) {
    if (!number.is_number_unsigned() || number >= kLargestVocabulary) {
      refuse("a token's number is not below 65536, which token files can hold");
    }
    const auto token = number.get<std::size_t>();
    if (pieces_.size() <= token) pieces_.resize(token + 1);
    pieces_[token] = std::move(piece);
    tokens_[written_piece] = static_cast<Token>(token);
  }

  void read_pieces() {
    for (const auto& added : json_.value("added_tokens", nlohmann::json::array())) {
      if (!added.is_object()) refuse("no right 'added_tokens'");
      const auto content = part(added, "content", &nlohmann::json::is_string).get<std::string>();
      put(content, part(added, "id", &nlohmann::json::is_number_unsigned), content);
      special_.push_back(tokens_[content]);
    }
    for (const auto& [text, number] : part(model(), "vocab", &nlohmann::json::is_object).items()) {
      if (tokens_.contains(text)) continue;
      const auto piece = bytes_of(text);
      if (!piece) refuse(fmt::format("token '{}' is not written in bytes", text));
      put(text, number, *piece);
    }
  }

  void add_merge(const nlohmann::json& merge) {
    std::string left, right;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    } else if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      left = text.substr(0, text.find(' '));
      right = text.substr(std::min(text.size(), left.size() + 1));
    }
    const auto a = tokens_.find(left), b = tokens_.find(right), ab = tokens_.find(left + right);
    if (a == tokens_.end() || b == tokens_.end() || ab == tokens_.end()) {
      refuse(fmt::format("merge {} is not of known tokens", merges_.size()));
    }
    merges_.push_back({a->second, b->second, ab->second});
  }

  std::string file_;
  nlohmann::json json_;
  std::vector<std::string> pieces_;
  std::vector<Merge> merges_;
  std::vector<Token> special_;
  std::map<std::string, Token> tokens_;  // by what is written
};

}  // namespace

Tokenizer byte_tokenizer() {
  std::vector<std::string> pieces;
  for (int byte = 0; byte < 256; ++byte) pieces.emplace_back(1, static_cast<char>(byte));
  return {std::move(pieces), {}, {}};
}

Tokenizer parse_tokenizer(const std::string& json, const std::string& file) {
  return Reader(json, file).read();
}

std::string tokenizer_json(const Tokenizer& tokenizer) {
  Json added = Json::array(), vocabulary = Json::object(), merges = Json::array();
  for (const Token token : tokenizer.special()) {
    added.push_back({{"id", token},
                     {"content", tokenizer.piece(token)},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  for (std::size_t i = 0; i < tokenizer.vocabulary(); ++i) {
    const auto token = static_cast<Token>(i);
    const auto& special = tokenizer.special();
    const bool is_special = std::find(special.begin(), special.end(), token) != special.end();
    const std::string& piece = tokenizer.piece(token);
    // Not by [], which looks through all that is there.
    if (!piece.empty()) {
      vocabulary.get_ref<Json::object_t&>().push_back({is_special ? piece : written(piece), token});
    }
  }
  for (const Merge& merge : tokenizer.merges()) {
    merges.push_back({written(tokenizer.piece(merge.left)), written(tokenizer.piece(merge.right))});
  }
  const auto byte_level = [](bool prefix) {
    return Json{{"type", "ByteLevel"},
                {"add_prefix_space", prefix},
                {"trim_offsets", true},
                {"use_regex", true}};
  };
  const Json json{{"version", "1.0"},
                  {"truncation", nullptr},
                  {"padding", nullptr},
                  {"added_tokens", added},
                  {"normalizer", nullptr},
                  {"pre_tokenizer", byte_level(false)},
                  {"post_processor", nullptr},
                  {"decoder", byte_level(true)},
                  {"model",
                   {{"type", "BPE"},
                    {"dropout", nullptr},
                    {"unk_token", nullptr},
                    {"continuing_subword_prefix", nullptr},
                    {"end_of_word_suffix", nullptr},
                    {"fuse_unk", false},
                    {"byte_fallback", false},
                    {"ignore_merges", false},
                    {"vocab", vocabulary},
                    {"merges", merges}}}};
  return json.dump(1) + "\n";
}

std::string tokenizer_config_json(const Tokenizer& tokenizer, std::int64_t context) {
  Json json{{"tokenizer_class", "PreTrainedTokenizerFast"},
            {"add_prefix_space", false},
            {"clean_up_tokenization_spaces", false}};
  if (context > 0) json["model_max_length"] = context;
  if (tokenizer.end_of_text()) {
    json["bos_token"] = json["eos_token"] = json["unk_token"] = kEndOfText;
  }
  return json.dump(1) + "\n";
}

}  // namespace strait
