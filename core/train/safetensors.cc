#include "core/train/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the reference reader's limit
constexpr std::size_t kLengthBytes = 8;
constexpr int kDeepest = 3;  // header, tensor, shape

struct Dtype {
  std::string_view name;
  std::int64_t width;  // bytes
};

// In the reference writer's order, narrowest first; the writer puts the last of these first.
constexpr Dtype kDtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
    {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
    {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8},
};

// Position in kDtypes, or -1.
int rank_of(std::string_view dtype) {
  const auto* found = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                   [&](const Dtype& known) { return known.name == dtype; });
  return found == std::end(kDtypes) ? -1 : static_cast<int>(found - std::begin(kDtypes));
}

// Bytes of a tensor, or -1 if they do not fit an int64.
std::int64_t bytes_of(const std::vector<std::int64_t>& shape, std::int64_t width) {
  std::int64_t bytes = width;
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return -1;
  }
  return bytes;
}

std::string header_of(const std::vector<SafetensorsEntry>& entries,
                      const SafetensorsMetadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::int64_t offset = 0;
  for (const SafetensorsEntry& entry : entries) {
    STRAIT_CHECK(!header.contains(entry.name), "tensor {} twice", entry.name);
    const std::int64_t end = offset + std::ssize(entry.data);
    auto& fields = header[entry.name];
    fields["dtype"] = entry.dtype;
    fields["shape"] = entry.shape;
    fields["data_offsets"] = {offset, end};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins on a multiple of 8
  return text;
}

// Reads one header, and says what is wrong with it.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  nlohmann::json parse(std::string_view text);
  SafetensorsMetadata metadata(const nlohmann::json& value) const;
  SafetensorsEntry entry(const std::string& name, const nlohmann::json& value,
                         std::span<const std::byte> data) const;

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw UserError(fmt::format("{}: not a valid safetensors file: {}", path_,
                                fmt::format(format, std::forward<Args>(args)...)));
  }

 private:
  std::int64_t count(const std::string& name, const nlohmann::json& value) const;
  std::vector<std::int64_t> counts(const std::string& name, const nlohmann::json& value,
                                   const char* key) const;

  std::string path_;
};

nlohmann::json HeaderReader::parse(std::string_view text) {
  // The library keeps the last of two equal keys; the rule is that there are none.
  std::vector<std::set<std::string>> keys;
  const auto check_event = [&](int depth, nlohmann::json::parse_event_t event,
                               nlohmann::json& parsed) {
    if (depth > kDeepest) fail("the header is nested too deep");
    if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
    if (event == nlohmann::json::parse_event_t::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      fail("the key {} comes twice", parsed.dump());
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, check_event);
  } catch (const nlohmann::json::exception& error) {
    fail("{}", error.what());
  }
}

SafetensorsMetadata HeaderReader::metadata(const nlohmann::json& value) const {
  if (!value.is_object()) fail("__metadata__ is no object");
  SafetensorsMetadata metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) fail("__metadata__ holds something other than text");
    metadata.emplace(key, text.get<std::string>());
  }
  return metadata;
}

std::int64_t HeaderReader::count(const std::string& name, const nlohmann::json& value) const {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargest) {
    fail("tensor {}: {} is no count", name, value.dump());
  }
  return value.get<std::int64_t>();
}

std::vector<std::int64_t> HeaderReader::counts(const std::string& name, const nlohmann::json& value,
                                               const char* key) const {
  if (!value.contains(key) || !value[key].is_array()) fail("tensor {}: no list {}", name, key);
  std::vector<std::int64_t> counts;
  for (const auto& element : value[key]) counts.push_back(count(name, element));
  return counts;
}

SafetensorsEntry HeaderReader::entry(const std::string& name, const nlohmann::json& value,
                                     std::span<const std::byte> data) const {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value["dtype"].is_string()) {
    fail("tensor {}: needs dtype, shape and data_offsets and nothing else", name);
  }
  SafetensorsEntry entry{.name = name,
                         .dtype = value["dtype"].get<std::string>(),
                         .shape = counts(name, value, "shape"),
                         .data = {}};
  const auto offsets = counts(name, value, "data_offsets");
  const int rank = rank_of(entry.dtype);
  if (rank < 0) fail("tensor {}: unknown dtype {}", name, entry.dtype);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > std::ssize(data)) {
    fail("tensor {}: data_offsets {} do not lie within {} bytes", name,
         value["data_offsets"].dump(), data.size());
  }
  if (bytes_of(entry.shape, kDtypes[rank].width) != offsets[1] - offsets[0]) {
    fail("tensor {}: shape {} of {} does not have {} bytes", name, value["shape"].dump(),
         entry.dtype, offsets[1] - offsets[0]);
  }
  entry.data = data.subspan(static_cast<std::size_t>(offsets[0]),
                            static_cast<std::size_t>(offsets[1] - offsets[0]));
  return entry;
}

// In the order of the data; neither holes nor overlaps, to the last byte.
void sort_and_check(std::vector<SafetensorsEntry>& entries, std::span<const std::byte> data,
                    const HeaderReader& reader) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.data.data(), a.data.size()) < std::pair(b.data.data(), b.data.size());
  });
  const std::byte* next = data.data();
  for (const SafetensorsEntry& entry : entries) {
    if (entry.data.data() != next) {
      reader.fail("tensor {}: its data begins at {} and not at {}", entry.name,
                  entry.data.data() - data.data(), next - data.data());
    }
    next += entry.data.size();
  }
  if (next != data.data() + data.size()) {
    reader.fail("{} bytes of data, {} of them used", data.size(), next - data.data());
  }
}

}  // namespace

SafetensorsEntry f32_entry(std::string name, std::vector<std::int64_t> shape,
                           std::span<const float> values) {
  return {std::move(name), "F32", std::move(shape), std::as_bytes(values)};
}

SafetensorsEntry i64_entry(std::string name, std::vector<std::int64_t> shape,
                           std::span<const std::int64_t> values) {
  return {std::move(name), "I64", std::move(shape), std::as_bytes(values)};
}

void write_safetensors(const std::string& path, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
  AtomicFile file(path);
  write_safetensors([&](std::span<const std::byte> bytes) { file.write(bytes); },
                    std::move(entries), metadata);
  file.commit();
}

void write_safetensors(const ByteSink& put, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
  for (const SafetensorsEntry& entry : entries) {
    const int rank = rank_of(entry.dtype);
    STRAIT_CHECK(rank >= 0, "tensor {} has the unknown dtype {}", entry.name, entry.dtype);
    STRAIT_CHECK(bytes_of(entry.shape, kDtypes[rank].width) == std::ssize(entry.data),
                 "tensor {} has {} bytes", entry.name, entry.data.size());
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    const int rank_a = rank_of(a.dtype);
    const int rank_b = rank_of(b.dtype);
    return rank_a != rank_b ? rank_a > rank_b : a.name < b.name;
  });
  const std::string header = header_of(entries, metadata);
  const auto length =
      std::bit_cast<std::array<std::byte, kLengthBytes>>(static_cast<std::uint64_t>(header.size()));
  put(length);
  put(std::as_bytes(std::span(header)));
  for (const SafetensorsEntry& entry : entries) put(entry.data);
}

Safetensors::Safetensors(const std::string& path) : Safetensors(path, read_file(path)) {}

Safetensors::Safetensors(std::string path, std::string bytes)
    : path_(std::move(path)), bytes_(std::move(bytes)) {
  HeaderReader reader(path_);
  if (bytes_.size() < kLengthBytes) reader.fail("{} bytes are too few", bytes_.size());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes_.data(), kLengthBytes);
  if (length > kLongestHeader) reader.fail("a header of {} bytes is too long", length);
  if (length > bytes_.size() - kLengthBytes) {
    reader.fail("a header of {} bytes in a file of {}", length, bytes_.size());
  }
  const auto text = std::string_view(bytes_).substr(kLengthBytes, length);
  if (!text.starts_with('{')) reader.fail("the header does not begin with {{");

  const auto data = std::as_bytes(std::span(bytes_)).subspan(kLengthBytes + length);
  const nlohmann::json header = reader.parse(text);
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      metadata_ = reader.metadata(value);
    } else {
      entries_.push_back(reader.entry(name, value, data));
    }
  }
  sort_and_check(entries_, data, reader);
}

const SafetensorsEntry& Safetensors::at(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& entry) { return entry.name == name; });
  if (found == entries_.end()) throw UserError(fmt::format("{}: no tensor {}", path_, name));
  return *found;
}

template <class T>
std::vector<T> Safetensors::values(std::string_view name, std::string_view dtype) const {
  const SafetensorsEntry& entry = at(name);
  if (entry.dtype != dtype) {
    throw UserError(
        fmt::format("{}: tensor {} is {} where {} is needed", path_, name, entry.dtype, dtype));
  }
  std::vector<T> values(entry.data.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), entry.data.data(), entry.data.size());
  return values;
}

std::vector<float> Safetensors::f32(std::string_view name) const {
  return values<float>(name, "F32");
}

std::vector<std::int64_t> Safetensors::i64(std::string_view name) const {
  return values<std::int64_t>(name, "I64");
}

}  // namespace strait
