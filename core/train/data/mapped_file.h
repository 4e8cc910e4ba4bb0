// A file whose bytes are in the address space, read from the disk as they are touched: 10 GB of
// tokens need no memory. The file has to stay as it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace strait {

class MappedFile {
 public:
  /// UserError if it cannot be read. Any thread may read the bytes.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::uint8_t> bytes() const { return bytes_; }

  /// Gives back the memory of what was touched so far; it is read again when it is touched again.
  void release() const;

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace strait
