// Rows of a file beside the one line that is said about them.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/network_files.h"
#include "tests/support/catch.h"

namespace strait {

struct Mistake {
  std::string rows;
  std::string line;
};

/// `make` puts the rows into the files.
template <class Make>
void check(const std::vector<Mistake>& mistakes, Make make) {
  for (const auto& [rows, line] : mistakes) {
    CAPTURE(rows);
    CHECK(complaint(make(rows)) == line);
  }
}

}  // namespace strait
