// OwnedFile: a file descriptor that is closed with its owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace strait {

class OwnedFile {
 public:
  OwnedFile() = default;
  explicit OwnedFile(int file) : file_(file) {}
  ~OwnedFile() {
    if (file_ >= 0) ::close(file_);
  }
  OwnedFile(OwnedFile&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  OwnedFile& operator=(OwnedFile&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }

  int get() const { return file_; }

 private:
  int file_ = -1;
};

}  // namespace strait
