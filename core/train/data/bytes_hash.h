// XXH3 of bytes that come in parts, 128 bits, in hex: tells damaged files, at the speed of memory.
#pragma once

#include <memory>
#include <span>
#include <string>

namespace strait {

class BytesHash {
 public:
  BytesHash();
  void add(std::span<const std::byte> bytes);
  std::string hex() const;

 private:
  std::unique_ptr<void, void (*)(void*)> state_;
};

}  // namespace strait
