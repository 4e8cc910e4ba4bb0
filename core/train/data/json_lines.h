// Lines of JSON, as C4 and others are published: an object per line whose `text` is a document.
#pragma once

#include <filesystem>
#include <string>

#include "core/train/data/pages.h"

namespace strait {

/// Visits each line's text as the page "NAME:LINE". Empty lines are skipped. Broken UTF-8 inside a
/// text is taken as the bytes that it is. UserError with file and line for what is no such object.
void read_json_lines(const std::filesystem::path& file, const std::string& name,
                     const PageVisit& visit);

}  // namespace strait
