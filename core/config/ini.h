// Scenario files: `[section]`, `key = value`, and lines of comment that begin with ';' or '#'.
//
// Everything behind '=' is the value, so that a path with '#' in it is not cut silently; blanks at
// its ends are not, unless it stands in quotes ("..." or '...'). In double quotes \" and \\ stand
// for " and \. Own code, because Boost.Program_options gives no line numbers, refuses ';' comments
// and cuts at '#' inside quotes. What a key means is not known here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strait {

struct IniSection {
  std::string name;
  int line = 0;
};

struct IniEntry {
  std::string section;  // empty before the first [section]
  std::string key;
  std::string value;
  int line = 0;
};

struct IniFile {
  std::vector<IniSection> sections;
  std::vector<IniEntry> entries;
};

/// Throws UserError with `name`:line for what is no INI.
IniFile parse_ini(std::string_view text, const std::string& name);

/// Whether a value that makes no sense ends in what may be meant as a comment.
bool has_comment_behind(std::string_view value);

/// `value` as parse_ini reads it back: quoted where it has to be. No control characters.
std::string quote_if_needed(const std::string& value);

}  // namespace strait
