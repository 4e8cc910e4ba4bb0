// strait report: runs as one HTML page that needs nothing else, and one of its charts as a picture.
// Throws UserError for folders that are no runs (run_files.h).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "apps/report/run_files.h"

namespace strait {

/// The same runs give the same bytes. `runs` is not empty.
std::string report_html(const std::vector<RunFiles>& runs);

inline constexpr std::array<std::string_view, 4> kSvgPanels{"loss", "tokens", "bytes", "seconds"};

/// `panel` is one of kSvgPanels.
std::string report_svg(const std::vector<RunFiles>& runs, std::string_view panel);

}  // namespace strait
