#include "core/train/data/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/errors.h"

namespace strait {

MappedFile::MappedFile(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  void* data = nullptr;
  bool good = fd >= 0 && ::fstat(fd, &info) == 0;
  const auto size = static_cast<std::size_t>(info.st_size);
  if (good && size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    good = data != MAP_FAILED;
  }
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!good) {
    throw UserError(fmt::format("{}: cannot be read ({}); check its name and permissions",
                                file.string(), std::strerror(error)));
  }
  bytes_ = {static_cast<const std::uint8_t*>(data), size};
}

void MappedFile::release() const {
  if (bytes_.empty()) return;
  ::madvise(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace strait
