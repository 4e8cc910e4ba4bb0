// The table of networks that everything is tested on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/test_world.h"

namespace strait {

struct NetworkRow {
  std::string name;
  std::function<std::unique_ptr<TestNetwork>(Loop&, Trace&, int islands)> make;
};

inline std::vector<NetworkRow> network_rows() {
  return {
      {"pipe",
       [](Loop& loop, Trace&, int) -> std::unique_ptr<TestNetwork> {
         return std::make_unique<PipeTestNetwork>(loop);
       }},
  };
}

}  // namespace strait
