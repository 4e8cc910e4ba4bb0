// Makes writes beyond `bytes` of a file fail with EFBIG as long as the object lives: a full disk
// that a test can have anywhere. Applies to the whole process, so nothing else may write meanwhile.
#pragma once

#include <sys/resource.h>

#include "core/base/files.h"

namespace strait {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    report_file_size_limit_as_error();
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace strait
