#include "core/train/data/text_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/base/errors.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

// No text of a training set is this large; a broken or hostile gzip might be.
constexpr std::size_t kLargestFile = std::size_t{1} << 30;

std::string read_bytes(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  std::string bytes;
  bool good = fd >= 0 && ::fstat(fd, &info) == 0;
  if (good) {
    bytes.resize(std::min(static_cast<std::size_t>(info.st_size), kLargestFile));
    std::size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t n = ::read(fd, bytes.data() + have, bytes.size() - have);
      if (n < 0 && errno == EINTR) continue;
      good = n >= 0;
      if (n <= 0) break;
      have += static_cast<std::size_t>(n);
    }
    bytes.resize(have);
  }
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!good) {
    throw UserError(
        fmt::format("{}: cannot be read ({}); check its permissions or fetch the text again",
                    file.string(), std::strerror(error)));
  }
  return bytes;
}

struct Inflater {
  z_stream stream{};
  Inflater() { ready = inflateInit2(&stream, /*windowBits, gzip only=*/15 + 16) == Z_OK; }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  bool ready = false;
};

/// False: broken, cut short or too large. Several members in a row are one text, as gunzip reads
/// them.
bool inflate_all(const std::string& packed, std::string& text) {
  Inflater inflater;
  if (!inflater.ready) return false;
  auto& s = inflater.stream;
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  s.avail_in = static_cast<uInt>(packed.size());
  text.resize(packed.size() * 4);
  std::size_t have = 0;
  while (true) {
    if (have == text.size()) text.resize(text.size() * 2);
    if (text.size() > kLargestFile) return false;
    s.next_out = reinterpret_cast<Bytef*>(text.data() + have);
    s.avail_out = static_cast<uInt>(text.size() - have);
    const int result = inflate(&s, Z_NO_FLUSH);
    have = text.size() - s.avail_out;
    if (result == Z_STREAM_END) {
      if (s.avail_in == 0) break;
      if (inflateReset(&s) != Z_OK) return false;
    } else if (result != Z_OK && !(result == Z_BUF_ERROR && s.avail_out == 0)) {
      return false;
    }
  }
  text.erase(have);
  return true;
}

std::vector<std::string> list(const fs::path& folder, fs::file_type type) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->symlink_status(ignored).type() != type) continue;
    auto name = it->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string read_text_file(const fs::path& file) {
  std::string bytes = read_bytes(file);
  if (!bytes.starts_with("\x1f\x8b")) return bytes;
  std::string text;
  if (!inflate_all(bytes, text)) {
    throw UserError(
        fmt::format("{}: broken gzip file; delete it or fetch the text again", file.string()));
  }
  return text;
}

std::vector<std::string> list_files(const fs::path& folder) {
  return list(folder, fs::file_type::regular);
}

std::vector<std::string> list_folders(const fs::path& folder) {
  return list(folder, fs::file_type::directory);
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<unsigned char>(bytes[i++]);
    if (c < 0x80) continue;
    const int tail = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || bytes.size() - i < static_cast<std::size_t>(tail)) return false;
    std::uint32_t code = c & (0x3fu >> tail);
    for (int k = 0; k < tail; ++k) {
      const auto next = static_cast<unsigned char>(bytes[i++]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fu);
    }
    const bool overlong = (tail == 2 && code < 0x800) || (tail == 3 && code < 0x10000);
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
  }
  return true;
}

std::string utf8_of_latin1(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | (code >> 6));
      text += static_cast<char>(0x80 | (code & 0x3f));
    }
  }
  return text;
}

}  // namespace strait
