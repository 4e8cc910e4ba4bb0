// Small helpers for text that people write: lists, and names with typing mistakes.
//
// Bytes, not characters: all names of ours are ASCII. Pure functions; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strait {

/// Without blanks, tabs and line ends on both sides.
std::string_view trim(std::string_view text);

/// Line ends, NUL and the like: what has no place inside one line. Tabs are allowed.
bool has_control_character(std::string_view text);

/// "a, b,c" at ',' is {"a", "b", "c"}: trimmed parts, empty ones included; empty text has none.
std::vector<std::string> split(std::string_view text, char separator);

/// {"a", "b", "c"} with ", " is "a, b, c"; with `last` = " or ", "a, b or c".
std::string join(std::span<const std::string> parts, std::string_view separator,
                 std::string_view last = {});

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that `name` was probably meant to be: fewest edits, the first of equals. None if
/// even that one differs in more than a third of its letters (but one edit is always forgiven).
std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates);

/// "; did you mean X?", or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace strait
