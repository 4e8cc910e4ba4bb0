// Reads a file from its beginning to its end, unpacked where it is gzip or zstd (told by its first
// bytes): through bounded memory, whatever its size. Errors are UserErrors that name the file.
//
// Thread: the owner's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace strait {

class ByteReader {
 public:
  explicit ByteReader(const std::filesystem::path& file);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// Fills `room` but at the end of the file, from which on it returns less than that, or 0.
  std::size_t read(std::span<char> room);

  /// Bytes of the file (packed ones) that were taken so far.
  std::int64_t file_bytes() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

/// Lines of a file, without their ends.
class LineReader {
 public:
  static constexpr std::size_t kLongest = 16 << 20;  // bytes

  explicit LineReader(std::filesystem::path file);

  /// False at the end. The line is valid until the next call. UserError for one that is too long.
  bool next(std::string_view& line);

  std::int64_t number() const { return number_; }  // of the line returned last, from 1
  std::int64_t file_bytes() const { return bytes_.file_bytes(); }

 private:
  std::filesystem::path file_;
  ByteReader bytes_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace strait
