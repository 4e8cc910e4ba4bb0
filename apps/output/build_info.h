// Which program this is: for the banner and the run folder.
#pragma once

#include <string>

namespace strait {

struct BuildInfo {
  std::string commit;    // "2ce05ca81fd0", with "-dirty" if files were changed
  std::string compiler;  // "GCC 12.2.0"
  std::string version;   // "0.7.0"
  std::string flags;     // "Release: -O3 -DNDEBUG"
};

BuildInfo build_info();

}  // namespace strait
