// Contribution: what an island gives to an exchange that may outlive it. Others may still read it
// when this island's thread has died, so it is shared with the network.
#pragma once

#include "core/train/flat_buffer.h"
#include "core/train/packed.h"

namespace strait {

struct Contribution {
  explicit Contribution(const ParameterLayout& own_layout)
      : layout(own_layout),
        values(static_cast<std::size_t>(layout.size())),
        packed(layout, values) {}

  const ParameterLayout layout;
  FlatBuffer values;
  Packed packed;
};

}  // namespace strait
