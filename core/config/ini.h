// Scenario files: `[section]`, `key = value`, comments from ';' or '#'.
//
// A comment starts at the beginning of a line or after a blank, so that a path with '#' in it is
// not cut silently; in quotes ("..." or '...') everything belongs to the value. In double quotes \"
// and
// \\ stand for " and \. Own code, because Boost.Program_options gives no line numbers, refuses ';'
// comments and cuts at '#' inside quotes. What a key means is not known here.
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

/// `value` as parse_ini reads it back: quoted where it has to be. No control characters.
std::string quote_if_needed(const std::string& value);

}  // namespace strait
