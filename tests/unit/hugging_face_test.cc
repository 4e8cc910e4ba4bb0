// GPT-2 in Hugging Face's layout: what is written is read back, and what does not fit is named.
#include "core/train/hugging_face.h"

#include <algorithm>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/named_tensors.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

constexpr GptOptions kTiny{.layers = 2, .width = 8, .heads = 2, .head_size = 4, .context = 6};

std::vector<float> values_of(const GptOptions& options) {
  const ParameterLayout layout = gpt_layout(options);
  std::vector<float> values(static_cast<std::size_t>(layout.size()));
  initialize_gpt(values, layout, options, 3);
  return values;
}

std::string refused(const std::string& path, const GptOptions& options) {
  try {
    read_gpt2(path, options);
  } catch (const UserError& error) {
    return error.what();
  }
  return "read";
}

TEST_CASE("an exported model is read back with and without its prefix", "[hugging face]") {
  const TemporaryFolder folder;
  const auto values = values_of(kTiny);
  write_gpt2(folder.path(), kTiny, values);
  const std::string model = folder / "model.safetensors";
  CHECK(same_bits(read_gpt2(model, kTiny), values));
  const Safetensors file(model);
  CHECK(file.at("transformer.h.1.attn.c_attn.weight").shape == std::vector<std::int64_t>{8, 24});
  CHECK(file.metadata() == kPyTorchFormat);

  const ParameterLayout layout = gpt_layout(kTiny);
  auto entries = named_tensors(layout, values);
  const std::vector<float> mask(36);
  entries.push_back(f32_entry("h.0.attn.bias", {1, 1, 6, 6}, mask));
  write_safetensors(folder / "plain.safetensors", entries);
  CHECK(same_bits(read_gpt2(folder / "plain.safetensors", kTiny), values));

  entries.push_back(f32_entry("h.0.attn.rotary", {36}, mask));
  write_safetensors(folder / "other.safetensors", entries);
  CHECK(refused(folder / "other.safetensors", kTiny) ==
        (folder / "other.safetensors: tensor h.0.attn.rotary is none of GPT-2's"));
}

TEST_CASE("a file of another size names the keys to set", "[hugging face]") {
  const TemporaryFolder folder;
  write_gpt2(folder.path(), kTiny, values_of(kTiny));
  const std::string model = folder / "model.safetensors";
  GptOptions other = kTiny;
  other.layers = 3;
  other.width = 16;
  other.head_size = 8;
  other.vocabulary = 300;
  CHECK(refused(model, other) == model +
                                     ": is of another size; write model.layers = 2, model.width = "
                                     "8 and model.vocabulary = 256");
  GptOptions narrow = kTiny;
  narrow.head_size = 2;
  CHECK(refused(model, narrow) == model +
                                      ": tensor transformer.h.0.attn.c_attn.weight is [8, 24] "
                                      "where the model has [8, 12]");
}

TEST_CASE("attention of another width is not exported", "[hugging face]") {
  GptOptions narrow = kTiny;
  narrow.head_size = 2;
  const TemporaryFolder folder;
  try {
    write_gpt2(folder.path(), narrow, values_of(narrow));
    FAIL("it was exported");
  } catch (const UserError& error) {
    CHECK(std::string(error.what()) ==
          "the attention is 2 x 2 = 4 wide and the model 8: GPT-2 has no such model; train one "
          "without model.head_size");
  }
}

TEST_CASE("an exported model says which token ends a text", "[hugging face]") {
  const TemporaryFolder folder;
  write_gpt2(folder.path(), kTiny, values_of(kTiny), 7);
  CHECK_THAT(read_file(folder / "config.json"),
             Catch::Matchers::Contains("\"bos_token_id\": 7,") &&
                 Catch::Matchers::Contains("\"eos_token_id\": 7,"));
}

}  // namespace
}  // namespace strait
