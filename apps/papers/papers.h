// The papers' tables of bandwidth beside their rebuilt ones, as text (core/plan). Thread: any.
#pragma once

#include <string>

namespace strait {

/// Each cell "published / rebuilt" in Gbit/s.
std::string papers_text();

}  // namespace strait
