#include "core/train/data/roff_escapes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace strait {
namespace {

struct Glyph {
  std::string_view name, text;
};

// Sorted by name. What is missing here is rarer than once in 35 MB of manual pages.
constexpr auto kGlyphs = std::to_array<Glyph>({
    // *W, if, is and pd: pod2man and texi2roff write their dash and quotes so and translate with
    // .tr
    {"!=", "≠"},  {"'A", "Á"},  {"'E", "É"}, {"'I", "Í"}, {"'O", "Ó"}, {"'U", "Ú"},  {"'a", "á"},
    {"'c", "ć"},  {"'e", "é"},  {"'i", "í"}, {"'n", "ń"}, {"'o", "ó"}, {"'u", "ú"},  {"'y", "ý"},
    {"*W", "-"},  {"*a", "α"},  {"*b", "β"}, {"*m", "μ"}, {"*p", "π"}, {"+-", "±"},  {",C", "Ç"},
    {",c", "ç"},  {"->", "→"},  {"/O", "Ø"}, {"/o", "ø"}, {"12", "½"}, {"14", "¼"},  {"34", "¾"},
    {":A", "Ä"},  {":O", "Ö"},  {":U", "Ü"}, {":a", "ä"}, {":e", "ë"}, {":i", "ï"},  {":o", "ö"},
    {":u", "ü"},  {"<-", "←"},  {"<=", "≤"}, {"==", "≡"}, {">=", "≥"}, {"AE", "Æ"},  {"Bq", "„"},
    {"Cs", "¤"},  {"Do", "$"},  {"Eu", "€"}, {"Fc", "»"}, {"Fo", "«"}, {"Po", "£"},  {"S1", "¹"},
    {"S2", "²"},  {"S3", "³"},  {"^A", "Â"}, {"^E", "Ê"}, {"^a", "â"}, {"^e", "ê"},  {"^i", "î"},
    {"^o", "ô"},  {"^u", "û"},  {"`A", "À"}, {"`E", "È"}, {"`a", "à"}, {"`e", "è"},  {"`i", "ì"},
    {"`o", "ò"},  {"`u", "ù"},  {"aa", "´"}, {"ae", "æ"}, {"aq", "'"}, {"at", "@"},  {"ba", "|"},
    {"bq", "‚"},  {"br", "|"},  {"bu", "•"}, {"bv", "|"}, {"ca", "∩"}, {"co", "©"},  {"cq", "’"},
    {"ct", "¢"},  {"cu", "∪"},  {"da", "↓"}, {"dd", "‡"}, {"de", "°"}, {"dg", "†"},  {"di", "÷"},
    {"dq", "\""}, {"em", "—"},  {"en", "–"}, {"eq", "="}, {"eu", "€"}, {"ff", "ff"}, {"fi", "fi"},
    {"fl", "fl"}, {"fm", "'"},  {"ga", "`"}, {"ge", "≥"}, {"ha", "^"}, {"hy", "-"},  {"if", "`"},
    {"is", "'"},  {"lB", "["},  {"lC", "{"}, {"la", "⟨"}, {"le", "≤"}, {"lq", "“"},  {"lt", "<"},
    {"mc", "µ"},  {"md", "·"},  {"mi", "−"}, {"mu", "×"}, {"no", "¬"}, {"n~", "ñ"},  {"oA", "Å"},
    {"o^", "ô"},  {"oa", "å"},  {"oe", "œ"}, {"oq", "‘"}, {"or", "|"}, {"pc", "·"},  {"pd", "\""},
    {"pl", "+"},  {"ps", "¶"},  {"rB", "]"}, {"rC", "}"}, {"ra", "⟩"}, {"rg", "®"},  {"rl", "‾"},
    {"rq", "”"},  {"rs", "\\"}, {"ru", "_"}, {"sc", "§"}, {"sh", "#"}, {"shc", ""},  {"sl", "/"},
    {"sq", "□"},  {"sr", "√"},  {"ss", "ß"}, {"ti", "~"}, {"tm", "™"}, {"ua", "↑"},  {"ul", "_"},
    {"vA", "⇕"},  {"~N", "Ñ"},  {"~a", "ã"}, {"~n", "ñ"}, {"~o", "õ"},
});
static_assert(std::is_sorted(kGlyphs.begin(), kGlyphs.end(),
                             [](const Glyph& a, const Glyph& b) { return a.name < b.name; }));

// Strings that the macro package defines, unless the page defines its own.
constexpr auto kPredefinedStrings = std::to_array<Glyph>({
    {"''", "”"},
    {"Am", "&"},
    {"Aq", "'"},
    {"Gt", ">"},
    {"Lt", "<"},
    {"R", "®"},
    {"Tm", "™"},
    {"``", "“"},
    {"lq", "“"},
    {"rq", "”"},
});

template <std::size_t n>
std::string_view find_text(const std::array<Glyph, n>& table, std::string_view name) {
  const auto it =
      std::lower_bound(table.begin(), table.end(), name,
                       [](const Glyph& g, std::string_view key) { return g.name < key; });
  return it != table.end() && it->name == name ? it->text : std::string_view();
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x20 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    tail(12), tail(6), tail(0);
  }
}

void append_number(std::string_view digits, int base, std::string& out) {
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
  if (error == std::errc() && end == digits.data() + digits.size()) append_utf8(code, out);
}

void append_glyph(std::string_view name, std::string& out) {
  if (name.size() > 4 && name.starts_with("u")) {
    append_number(name.substr(1), 16, out);
  } else if (name.starts_with("char")) {
    append_number(name.substr(4), 10, out);
  } else {
    out += find_text(kGlyphs, name);
  }
}

/// Reads the pieces of one escape; each take_ leaves `rest` behind what it took.
struct EscapeReader {
  std::string_view rest;

  std::string_view take(std::size_t n) {
    const auto taken = rest.substr(0, n);
    rest.remove_prefix(taken.size());
    return taken;
  }
  std::string_view take_until(std::string_view end) {
    const std::size_t at = rest.find(end);
    const auto taken = take(at);
    if (at != std::string_view::npos) rest.remove_prefix(end.size());
    return taken;
  }
  /// Whole UTF-8 characters.
  std::string_view take_characters(int n) {
    std::size_t size = 0;
    for (; n > 0 && size < rest.size(); --n) {
      do ++size;
      while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xc0) == 0x80);
    }
    return take(size);
  }
  /// x, (xx or [name]
  std::string_view take_name() {
    if (rest.starts_with('(')) return take(1), take_characters(2);
    if (rest.starts_with('[')) return take(1), take_until("]");
    return take_characters(1);
  }
  /// 'anything', with any character as the quote
  std::string_view take_quoted() {
    const auto quote = take_characters(1);
    return quote.empty() ? quote : take_until(quote);
  }
  /// \s takes a sign, a digit or two, or a name
  void take_size() {
    if (rest.starts_with('+') || rest.starts_with('-')) take(1);
    if (rest.starts_with('(') || rest.starts_with('[')) {
      take_name();
    } else if (rest.starts_with('\'')) {
      take_quoted();
    } else {
      const auto first = take_characters(1);
      const bool two = (first == "1" || first == "2" || first == "3") && !rest.empty() &&
                       rest[0] >= '0' && rest[0] <= '9';
      if (two) take(1);
    }
  }
};

void append_string(std::string_view name, const RoffStrings& strings, std::string& out) {
  if (const auto it = strings.find(std::string(name)); it != strings.end()) {
    // One level: a string that names another prints the other's text, never a loop.
    append_plain(it->second, {}, out);
  } else {
    out += find_text(kPredefinedStrings, name);
  }
}

constexpr std::string_view kTakeName = "$FMfgkmn";
constexpr std::string_view kTakeQuoted = "BDHLRSXZbhlovwx";
constexpr std::string_view kSpaces = " 0~";
constexpr std::string_view kBackslashes = "Ee";
constexpr std::string_view kNothing = "%&),/:^adpruz{|}";

/// One escape, the backslash already taken. False: the rest of the line is a comment.
bool append_escape(EscapeReader& in, const RoffStrings& strings, std::string& out, LineEnd& end) {
  const auto taken = in.take(1);
  if (taken.empty()) return true;
  const char letter = taken[0];
  const auto is_one_of = [letter](std::string_view set) { return set.find(letter) != set.npos; };
  if (is_one_of("\"#")) return false;
  if (letter == 'c') {
    end = LineEnd::kJoined;
  } else if (letter == '(') {
    append_glyph(in.take_characters(2), out);
  } else if (letter == '[') {
    append_glyph(in.take_until("]"), out);
  } else if (letter == 'C') {
    append_glyph(in.take_quoted(), out);
  } else if (letter == 'N') {
    append_number(in.take_quoted(), 10, out);
  } else if (letter == '*') {
    append_string(in.take_name(), strings, out);
  } else if (letter == 's') {
    in.take_size();
  } else if (is_one_of(kTakeName)) {
    if (in.rest.starts_with('+') || in.rest.starts_with('-')) in.take(1);
    in.take_name();
  } else if (is_one_of(kTakeQuoted)) {
    in.take_quoted();
  } else if (is_one_of(kSpaces)) {
    out += ' ';
  } else if (is_one_of(kBackslashes)) {
    out += '\\';
  } else if (letter == 't') {
    out += '\t';
  } else if (!is_one_of(kNothing)) {
    out += letter;  // \- \. \' and every other letter stand for themselves
  }
  return true;
}

}  // namespace

LineEnd append_plain(std::string_view text, const RoffStrings& strings, std::string& out) {
  LineEnd end = LineEnd::kBreakable;
  EscapeReader in{text};
  while (!in.rest.empty()) {
    const std::size_t at = in.rest.find('\\');
    out += in.take(at);
    if (at == std::string_view::npos) break;
    in.take(1);
    if (!append_escape(in, strings, out, end)) break;
  }
  return end;
}

}  // namespace strait
