// safetensors: named tensors in one file, without code in the data. (github.com/huggingface/
// safetensors: 8 bytes length, a JSON header, then the tensors without holes.)
//
// The reader trusts nothing: lengths, offsets and shapes are checked before memory is taken or
// touched, and a file that breaks a rule is a UserError naming the file and the rule.
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strait {

/// Not owned. `dtype` as the format spells it: F32, I64, ...
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;  // row-major
  std::span<const std::byte> data;
};

SafetensorsEntry f32_entry(std::string name, std::vector<std::int64_t> shape,
                           std::span<const float> values);
SafetensorsEntry i64_entry(std::string name, std::vector<std::int64_t> shape,
                           std::span<const std::int64_t> values);

using SafetensorsMetadata = std::map<std::string, std::string>;

/// What transformers wants to see before it loads a file.
inline const SafetensorsMetadata kPyTorchFormat{{"format", "pt"}};

/// In the order of the reference writer (widest dtype first, then by name). The file is there
/// completely or not at all.
void write_safetensors(const std::string& path, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = kPyTorchFormat);

/// The same, piece by piece to whoever keeps it.
using ByteSink = std::function<void(std::span<const std::byte>)>;
void write_safetensors(const ByteSink& put, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = kPyTorchFormat);

/// A whole file in memory.
class Safetensors {
 public:
  explicit Safetensors(const std::string& path);
  /// From bytes that were read elsewhere; errors call them `path`.
  Safetensors(std::string path, std::string bytes);
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;

  const std::vector<SafetensorsEntry>& entries() const {
    return entries_;
  }  // valid as long as this
  const SafetensorsMetadata& metadata() const { return metadata_; }
  const std::string& path() const { return path_; }

  /// Copies of a tensor's values (the file need not be aligned). UserError if it is not there, or
  /// has another dtype.
  std::vector<float> f32(std::string_view name) const;
  std::vector<std::int64_t> i64(std::string_view name) const;
  const SafetensorsEntry& at(std::string_view name) const;

 private:
  template <class T>
  std::vector<T> values(std::string_view name, std::string_view dtype) const;

  std::string path_;
  std::string bytes_;
  std::vector<SafetensorsEntry> entries_;
  SafetensorsMetadata metadata_;
};

}  // namespace strait
