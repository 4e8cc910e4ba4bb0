#include "core/train/safetensors.h"

#include <cstring>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

// A file with any header and `data_bytes` zero bytes, as an attacker would write it.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\0');
}

TEST_CASE("two floats make the 72 bytes of the reference writer", "[safetensors]") {
  const TemporaryFolder folder;
  const std::vector<float> values{1, -2};
  write_safetensors(folder / "w", {f32_entry("w", {2}, values)}, {});
  const std::string expected =
      file_of(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  )", 0) +
      std::string("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);
  CHECK(expected.size() == 72);
  CHECK(read_file(folder / "w") == expected);
}

TEST_CASE("wide dtypes come first, then names in order", "[safetensors]") {
  const TemporaryFolder folder;
  const std::vector<float> floats{1, 2, 3};
  const std::vector<std::int64_t> ints{4, 5};
  write_safetensors(folder / "f", {f32_entry("b", {3}, floats), i64_entry("z", {2, 1}, ints),
                                   f32_entry("a", {1, 3}, floats)});
  const std::string bytes = read_file(folder / "f");
  CHECK(bytes.find("__metadata__") < bytes.find("\"z\""));
  CHECK(bytes.find("\"z\"") < bytes.find("\"a\""));
  CHECK(bytes.find("\"a\"") < bytes.find("\"b\""));
}

TEST_CASE("what is written is read again", "[safetensors]") {
  const TemporaryFolder folder;
  const std::vector<float> floats{1, 2, 3, 4, 5, 6};
  const std::vector<std::int64_t> ints{-7};
  write_safetensors(folder / "f", {f32_entry("m", {2, 3}, floats), i64_entry("step", {}, ints),
                                   f32_entry("none", {0, 4}, {})});
  const Safetensors file(folder / "f");
  CHECK(file.metadata() == kPyTorchFormat);
  CHECK(file.entries().size() == 3);
  CHECK(file.f32("m") == floats);
  CHECK(file.at("m").shape == std::vector<std::int64_t>{2, 3});
  CHECK(file.i64("step") == ints);
  CHECK(file.at("step").shape.empty());
  CHECK(file.f32("none").empty());
  CHECK_THROWS_AS(file.f32("step"), UserError);
  CHECK_THROWS_AS(file.f32("missing"), UserError);
}

// Each breaks one rule; the message has to name it.
TEST_CASE("a file that breaks a rule is refused", "[safetensors]") {
  struct Case {
    const char* broken;
    std::string bytes;
    const char* says;
  };
  const auto one = [](const std::string& fields, std::size_t bytes = 8) {
    return file_of("{\"w\":{" + fields + "}}", bytes);
  };
  const std::string huge_header("\x00\xe1\xf5\x05\x01\x00\x00\x00", 8);
  const Case cases[] = {
      {"empty", "", "too few"},
      {"seven bytes", "1234567", "too few"},
      {"a header of 4 GB", huge_header, "too long"},
      {"a header beyond the end", std::string("\x09\0\0\0\0\0\0\0{}", 10), "in a file of"},
      {"no object", file_of("[]", 0), "does not begin"},
      {"leading space", file_of(" {}", 0), "does not begin"},
      {"no JSON", file_of("{\"w\":", 0), "parse error"},
      {"text behind the header", file_of("{}x", 0), "parse error"},
      {"data without a tensor", file_of("{}", 4), "0 of them used"},
      {"a key twice",
       file_of(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
               R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
               8),
       "comes twice"},
      {"a field twice", one(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])"),
       "comes twice"},
      {"no dtype", one(R"("shape":[2],"data_offsets":[0,8])"), "needs dtype"},
      {"an extra field", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)"),
       "nothing else"},
      {"unknown dtype", one(R"("dtype":"F99","shape":[2],"data_offsets":[0,8])"), "unknown dtype"},
      {"negative extent", one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), "no count"},
      {"fractional extent", one(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), "no count"},
      {"extent above 2^63",
       one(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"), "no count"},
      {"product overflows",
       one(R"("dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8])"),
       "does not have"},
      {"shape and bytes differ", one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"),
       "does not have"},
      {"end before begin", one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"),
       "do not lie within"},
      {"beyond the data", one(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])"),
       "do not lie within"},
      {"three offsets", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"),
       "do not lie within"},
      {"a hole", one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), "begins at 4"},
      {"unused bytes", one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", 12),
       "8 of them used"},
      {"overlap",
       file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
               12),
       "begins at 4 and not at 8"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"a":1}})", 0), "other than text"},
      {"metadata is a list", file_of(R"({"__metadata__":["a"]})", 0), "no object"},
      {"deep nesting", file_of("{\"w\":" + std::string(50'000, '['), 0), "too deep"},
  };
  const TemporaryFolder folder;
  for (const Case& broken : cases) {
    INFO(broken.broken);
    write_file_atomically(folder / "f", broken.bytes);
    std::string message;
    try {
      const Safetensors file(folder / "f");
    } catch (const UserError& error) {
      message = error.what();
    }
    INFO(message);
    CHECK(message.find(broken.says) != std::string::npos);
    CHECK(message.find(folder / "f") == 0);
    CHECK(message.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace strait
