// The escapes of roff text (\fB, \-, \(bu, \*(lq ...) as the plain UTF-8 that a terminal would
// show.
//
// The list is groff's (groff(7), groff_char(7)) as far as manual pages use it. An escape that only
// moves, colours or measures prints nothing; an unknown glyph prints nothing either.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace strait {

/// Strings that a page defines with .ds, by name; they print through \*x, \*(xx and \*[name].
using RoffStrings = std::unordered_map<std::string, std::string>;

enum class LineEnd { kBreakable, kJoined };  // kJoined: the line ended in \c

/// Appends what `text` prints to `out`; stops at a comment (\").
LineEnd append_plain(std::string_view text, const RoffStrings& strings, std::string& out);

}  // namespace strait
