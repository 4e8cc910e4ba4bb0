// The HTML around the panels: one self-contained page that fetches and runs nothing. Every text
// that comes from outside goes through xml_escaped (apps/show/svg.h); tags are balanced as in XML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strait {

/// A table of texts, which are escaped here; all columns but the first are set to the right. On
/// narrow screens it scrolls by itself.
std::string html_table(const std::vector<std::string>& titles,
                       const std::vector<std::vector<std::string>>& rows);

/// The table behind a line that opens it.
std::string data_table(std::string_view summary, const std::vector<std::string>& titles,
                       const std::vector<std::vector<std::string>>& rows);

/// A panel: `title` states the finding (text), `content` is HTML.
std::string panel(std::string_view title, std::string_view content);

/// <p> with text that is escaped here.
std::string note(std::string_view text);

std::string page(std::string_view title, std::string_view body);

/// The colours as CSS variables, light and dark, for a page or a picture of its own.
std::string_view palette_css();

/// The colour of the n-th arm or run, and of a state or cause, as CSS: "var(--s0)".
std::string series_color(int n);
inline constexpr int kSeriesColors = 6;

}  // namespace strait
