#include "core/train/data/byte_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/errors.h"

namespace strait {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;

/// The packed bytes, a buffer at a time.
struct Packed {
  explicit Packed(const std::filesystem::path& path) : name(path.string()), buffer(kBuffer) {
    file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail();
    try {
      refill();
    } catch (...) {
      ::close(file);
      throw;
    }
  }
  ~Packed() { ::close(file); }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;

  /// False at the end of the file. What was there before is gone.
  bool refill() {
    rest = {};
    ssize_t n = -1;
    do {
      n = ::read(file, buffer.data(), buffer.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) fail();
    taken += n;
    rest = {buffer.data(), static_cast<std::size_t>(n)};
    return n > 0;
  }
  [[noreturn]] void fail() const {
    throw UserError(
        fmt::format("{}: cannot be read ({}); check its permissions or fetch the text again", name,
                    std::strerror(errno)));
  }
  [[noreturn]] void broken(const char* kind) const {
    throw UserError(
        fmt::format("{}: broken {} file; delete it or fetch the text again", name, kind));
  }

  std::string name;
  std::vector<char> buffer;
  std::string_view rest;  // of the buffer
  std::int64_t taken = 0;
  int file = -1;
};

}  // namespace

struct ByteReader::State {
  explicit State(const std::filesystem::path& path) : packed(path) {}
  virtual ~State() = default;

  /// Up to room.size() bytes, at least one but at the end.
  virtual std::size_t some(std::span<char> room) = 0;

  Packed packed;
};

namespace {

struct Plain final : ByteReader::State {
  using State::State;

  std::size_t some(std::span<char> room) override {
    if (packed.rest.empty() && !packed.refill()) return 0;
    const std::size_t n = std::min(room.size(), packed.rest.size());
    std::copy_n(packed.rest.data(), n, room.data());
    packed.rest.remove_prefix(n);
    return n;
  }
};

/// Several members in a row are one text, as gunzip reads them.
struct Gzip final : ByteReader::State {
  explicit Gzip(const std::filesystem::path& path) : State(path) {
    if (inflateInit2(&stream, /*windowBits, gzip only=*/15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~Gzip() override { inflateEnd(&stream); }

  std::size_t some(std::span<char> room) override {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    while (stream.avail_out == room.size()) {
      if (packed.rest.empty() && !packed.refill()) {
        if (!member_ended) packed.broken("gzip");
        return 0;
      }
      if (member_ended && inflateReset(&stream) != Z_OK) packed.broken("gzip");
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.rest.data()));
      stream.avail_in = static_cast<uInt>(packed.rest.size());
      const int result = inflate(&stream, Z_NO_FLUSH);
      packed.rest.remove_prefix(packed.rest.size() - stream.avail_in);
      member_ended = result == Z_STREAM_END;
      if (result != Z_OK && !member_ended) packed.broken("gzip");
    }
    return room.size() - stream.avail_out;
  }

  z_stream stream{};
  bool member_ended = false;
};

struct Zstd final : ByteReader::State {
  explicit Zstd(const std::filesystem::path& path) : State(path), stream(ZSTD_createDStream()) {
    if (stream == nullptr) throw std::bad_alloc();
  }
  ~Zstd() override { ZSTD_freeDStream(stream); }

  std::size_t some(std::span<char> room) override {
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    while (out.pos == 0) {
      // Zstd may hold output back that has no input behind it, so it is asked before more is read.
      ZSTD_inBuffer in{packed.rest.data(), packed.rest.size(), 0};
      if (!in.size && frame_ended) {
        if (!packed.refill()) return 0;
        continue;
      }
      const std::size_t result = ZSTD_decompressStream(stream, &out, &in);
      packed.rest.remove_prefix(in.pos);
      if (ZSTD_isError(result)) packed.broken("zstd");
      frame_ended = result == 0;
      if (out.pos == 0 && !frame_ended && packed.rest.empty() && !packed.refill()) {
        packed.broken("zstd");
      }
    }
    return out.pos;
  }

  ZSTD_DStream* stream;
  bool frame_ended = false;
};

std::string_view first_bytes(const std::filesystem::path& path, std::string& room) {
  Packed packed(path);
  room = packed.rest.substr(0, 4);
  return room;
}

}  // namespace

ByteReader::ByteReader(const std::filesystem::path& file) {
  std::string room;
  const std::string_view first = first_bytes(file, room);
  if (first.starts_with("\x1f\x8b")) {
    state_ = std::make_unique<Gzip>(file);
  } else if (first.starts_with("\x28\xb5\x2f\xfd")) {
    state_ = std::make_unique<Zstd>(file);
  } else {
    state_ = std::make_unique<Plain>(file);
  }
}

ByteReader::~ByteReader() = default;

std::size_t ByteReader::read(std::span<char> room) {
  std::size_t have = 0;
  while (have < room.size()) {
    const std::size_t n = state_->some(room.subspan(have));
    if (n == 0) break;
    have += n;
  }
  return have;
}

std::int64_t ByteReader::file_bytes() const {
  return state_->packed.taken - static_cast<std::int64_t>(state_->packed.rest.size());
}

LineReader::LineReader(std::filesystem::path file) : file_(std::move(file)), bytes_(file_) {}

bool LineReader::next(std::string_view& line) {
  std::size_t searched = at_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos || (ended_ && at_ < buffer_.size())) {
      line = std::string_view(buffer_).substr(at_, std::min(end, buffer_.size()) - at_);
      at_ += line.size() + (end != std::string::npos);
      ++number_;
      if (line.ends_with('\r')) line.remove_suffix(1);
      return true;
    }
    if (ended_) return false;
    buffer_.erase(0, at_);
    searched = buffer_.size();
    at_ = 0;
    if (buffer_.size() > kLongest) {
      throw UserError(fmt::format("{}:{}: the line is longer than 16 MiB; split it into documents",
                                  file_.string(), number_ + 1));
    }
    buffer_.resize(searched + kBuffer);
    const std::size_t n = bytes_.read(std::span(buffer_).subspan(searched));
    buffer_.resize(searched + n);
    ended_ = n < kBuffer;
  }
}

}  // namespace strait
