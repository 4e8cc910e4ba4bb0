#include "core/train/data/roff.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/train/data/roff_escapes.h"

namespace strait {
namespace {

using Words = std::vector<std::string_view>;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The arguments of a request: split at spaces, "quoted" ones whole, `\ ` inside a word, up to a
/// comment. Escapes stay as they are ("" inside quotes stays doubled).
Words split_arguments(std::string_view line) {
  Words words;
  for (std::size_t at = 0;;) {
    at = line.find_first_not_of(" \t", at);
    if (at == std::string_view::npos || line.substr(at).starts_with("\\\"")) return words;
    const bool quoted = line[at] == '"';
    const std::size_t begin = quoted ? ++at : at;
    for (; at < line.size(); ++at) {
      if (quoted && line[at] == '"') {
        if (!line.substr(at).starts_with("\"\"")) break;
        ++at;
      } else if (!quoted &&
                 (line[at] == ' ' || line[at] == '\t' || line.substr(at).starts_with("\\\""))) {
        break;
      } else if (line[at] == '\\' && at + 1 < line.size() && line[at + 1] != '"') {
        ++at;
      }
    }
    at = std::min(at, line.size());
    words.push_back(line.substr(begin, at - begin));
    if (quoted) ++at;
  }
}

/// Where the condition of .if and .ie ends.
std::size_t condition_end(std::string_view text) {
  if (text.starts_with('\'')) {
    const std::size_t second = text.find('\'', 1);
    if (second == std::string_view::npos) return text.size();
    const std::size_t third = text.find('\'', second + 1);
    return third == std::string_view::npos ? text.size() : third + 1;
  }
  if (text.starts_with("d ") || text.starts_with("r ") || text.starts_with("c ")) {
    return std::min(text.find(' ', 2), text.size());
  }
  return std::min({text.find(' '), text.find("\\{"), text.size()});
}

/// A terminal's answer: nroff yes, troff no, groff yes; registers and strings are not followed.
bool condition_holds(std::string_view condition) {
  return condition == "n" || condition == "\\n(.g" || condition == "\\n[.g]";
}

int braces(std::string_view line) {
  int depth = 0;
  for (std::size_t at = 0; (at = line.find('\\', at)) != std::string_view::npos; at += 2) {
    if (at + 1 >= line.size()) break;
    depth += line[at + 1] == '{' ? 1 : line[at + 1] == '}' ? -1 : 0;
  }
  return depth;
}

class RoffPage {
 public:
  explicit RoffPage(std::string_view source) : source_(source) { out_.reserve(source.size()); }

  std::string run() {
    std::string_view line;
    while (!is_mdoc_ && next_line(line)) read_line(line);
    if (is_mdoc_) return {};
    break_line();
    return std::move(out_);
  }

 private:
  enum class TablePart { kNone, kFormat, kRows };

  // ---- input lines

  /// The next line of the page; lines that end in a backslash are joined with their next.
  bool next_line(std::string_view& line) {
    if (source_.empty()) return false;
    line = raw_line();
    if (!ends_in_backslash(line)) return true;
    joined_.assign(line);
    while (ends_in_backslash(joined_) && !source_.empty()) {
      joined_.pop_back();
      joined_ += raw_line();
    }
    line = joined_;
    return true;
  }

  std::string_view raw_line() {
    const std::size_t end = std::min(source_.find('\n'), source_.size());
    auto line = source_.substr(0, end);
    source_.remove_prefix(std::min(end + 1, source_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  static bool ends_in_backslash(std::string_view line) {
    const std::size_t last = line.find_last_not_of('\\');
    const std::size_t count = line.size() - (last == std::string_view::npos ? 0 : last + 1);
    return count % 2 == 1 && !(line.starts_with(".\\\"") || line.starts_with("'\\\""));
  }

  void skip_until(std::string_view end) {
    while (!source_.empty()) {
      const auto line = raw_line();
      const bool control = line.starts_with('.') || line.starts_with('\'');
      if (control && trimmed(line.substr(1)) == end) return;
    }
  }

  void read_line(std::string_view line) {
    if (line.starts_with('.') || line.starts_with('\'')) {
      read_request(trimmed(line.substr(1)));
    } else if (table_ == TablePart::kFormat) {
      if (trimmed(line).ends_with('.')) table_ = TablePart::kRows;
      const std::size_t tab = line.find("tab(");
      if (tab != std::string_view::npos && tab + 5 < line.size() && line[tab + 5] == ')') {
        cell_tab_ = line[tab + 4];
      }
    } else if (table_ == TablePart::kRows && (!in_cell_ || line.starts_with("T}"))) {
      read_row(line);
    } else if (trimmed(line).empty()) {
      break_line();
    } else {
      if (fill_ && line.starts_with(' ')) break_line();
      put(line);
      end_input_line();
    }
  }

  // ---- requests

  void read_request(std::string_view line) {
    const std::size_t end = std::min(line.find_first_of(" \t\\"), line.size());
    const auto name = line.substr(0, end);
    const auto rest = trimmed(line.substr(end));
    if (name.empty()) return;  // a comment, or a lone dot
    if (conditional(name, rest) || definition(name, rest) || layout(name, rest)) return;
    text_request(name, split_arguments(rest));
  }

  bool conditional(std::string_view name, std::string_view rest) {
    bool holds;
    if (name == "if" || name == "ie") {
      const bool negated = rest.starts_with('!');
      if (negated) rest.remove_prefix(1);
      const std::size_t end = condition_end(rest);
      holds = condition_holds(rest.substr(0, end)) != negated;
      rest = trimmed(rest.substr(end));
      if (name == "ie") otherwise_.push_back(!holds);
    } else if (name == "el") {
      holds = !otherwise_.empty() && otherwise_.back();
      if (!otherwise_.empty()) otherwise_.pop_back();
    } else {
      return false;
    }
    if (!holds) {
      int depth = braces(rest);
      while (depth > 0 && !source_.empty()) depth += braces(raw_line());
      return true;
    }
    if (rest.starts_with("\\{")) rest = trimmed(rest.substr(2));
    if (!rest.empty()) read_line(rest);
    return true;
  }

  bool definition(std::string_view name, std::string_view rest) {
    if (name == "de" || name == "de1" || name == "am" || name == "ig") {
      const Words words = split_arguments(rest);
      const std::size_t at = name == "ig" ? 0 : 1;
      const std::string end(words.size() > at ? words[at] : ".");
      skip_until(end);
    } else if (name == "ds" || name == "as") {
      const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
      auto text = trimmed(rest.substr(end));
      if (text.starts_with('"')) text.remove_prefix(1);
      auto& value = strings_[std::string(rest.substr(0, end))];
      if (name == "ds") value.clear();
      value += text;
    } else if (name == "EQ" || name == "PS") {
      skip_until(name == "EQ" ? "EN" : "PE");
    } else {
      return false;
    }
    return true;
  }

  bool layout(std::string_view name, std::string_view rest) {
    static constexpr auto kBreaks = std::to_array<std::string_view>(
        {"HP", "LP", "P", "PP", "RE", "RS", "Sp", "YS", "br", "ce", "in", "sp", "ti"});
    if (std::binary_search(kBreaks.begin(), kBreaks.end(), name)) {
      break_line();
    } else if (name == "nf" || name == "EX" || name == "Vb") {
      break_line();
      fill_ = false;
    } else if (name == "fi" || name == "EE" || name == "Ve") {
      break_line();
      fill_ = true;
    } else if (name == "TP" || name == "TQ") {
      break_line();
      in_tag_ = true;
    } else if (name == "TS" || name == "T&") {
      break_line();
      table_ = TablePart::kFormat;
      if (name == "TS") cell_tab_ = '\t';
    } else if (name == "TE") {
      break_line();
      table_ = TablePart::kNone;
      in_cell_ = false;
    } else if (name == "Dd" || (name == "mso" && rest.starts_with("mdoc")) || name == "Sh") {
      is_mdoc_ = true;
    } else {
      return false;
    }
    return true;
  }

  /// Requests whose arguments are text. Anything unknown only formats and prints nothing.
  void text_request(std::string_view name, const Words& words) {
    static constexpr auto kSpaced = std::to_array<std::string_view>({"B", "I", "SB", "SM", "q"});
    static constexpr auto kTight =
        std::to_array<std::string_view>({"BI", "BR", "CW", "IB", "IR", "RB", "RI"});
    if (std::binary_search(kSpaced.begin(), kSpaced.end(), name)) {
      put_words(words, " ");
    } else if (std::binary_search(kTight.begin(), kTight.end(), name)) {
      put_words(words, "");
    } else if (name == "SH" || name == "SS") {
      heading(name, words);
    } else if (name == "IP") {
      break_line();
      in_tag_ = true;
      put_words(words.empty() ? Words{} : Words{words[0]}, "");
      in_tag_ = false;
    } else if (name == "SY") {
      break_line();
      put_words(words, " ");
    } else if (name == "OP") {
      put("[");
      joined_output_ = true;
      put_words(words, " ");
      joined_output_ = true;
      put("]");
    } else if (name == "UR" || name == "MT") {
      address_.assign(words.empty() ? "" : words[0]);
    } else if (name == "UE" || name == "ME") {
      put_address(words.empty() ? "" : words[0]);
    } else if (name == "URL" || name == "MTO") {
      address_.assign(words.empty() ? "" : words[0]);
      if (words.size() > 1 && !words[1].empty()) put(words[1]);
      put_address(words.size() > 2 ? words[2] : "");
    }
  }

  void heading(std::string_view name, const Words& words) {
    break_line();
    if (name == "SH" && !out_.empty()) out_ += '\n';
    fill_ = true;
    in_heading_ = true;
    put_words(words, " ");
  }

  void put_words(const Words& words, std::string_view separator) {
    if (words.empty()) return;
    spare_.clear();
    for (const auto& word : words) {
      if (&word != &words.front()) spare_ += separator;
      for (std::size_t at = 0; at < word.size(); ++at) {
        spare_ += word[at];
        if (word.substr(at).starts_with("\"\"")) ++at;
      }
    }
    put(spare_);
    end_input_line();
  }

  void put_address(std::string_view punctuation) {
    spare_ = '<';
    spare_.append(address_) += '>';
    spare_ += punctuation;
    put(spare_);
    end_input_line();
  }

  // ---- tables

  /// A row of cells; a cell T{ goes on over the next lines until T}.
  void read_row(std::string_view line) {
    if (in_cell_) {
      in_cell_ = false;
      line.remove_prefix(2);
      if (line.empty()) return break_line();
      line.remove_prefix(1);
      cell_gap();
    } else {
      break_line();
      if (line.find_first_not_of("_=- \\") == std::string_view::npos) return;  // a ruled line
    }
    while (true) {
      const std::size_t end = line.find(cell_tab_);
      const auto cell = line.substr(0, end);
      in_cell_ = trimmed(cell) == "T{";
      if (in_cell_) return;
      if (cell != "_" && cell != "=" && cell != "\\^") put(cell);
      if (end == std::string_view::npos) return break_line();
      line.remove_prefix(end + 1);
      cell_gap();
    }
  }

  void cell_gap() {
    if (!out_.empty() && out_.back() != '\n') out_ += "  ";
    joined_output_ = true;
  }

  // ---- output

  /// Appends the printed form of `text` to the current line.
  void put(std::string_view text) {
    plain_.clear();
    const LineEnd end = append_plain(text, strings_, plain_);
    const bool apart = out_.empty() || out_.back() == '\n' || out_.back() == ' ';
    if (!apart && !joined_output_ && fill_) out_ += ' ';
    append_clean(plain_);
    joined_output_ = end == LineEnd::kJoined;
  }

  /// Without control characters and no-break spaces; runs of blanks are one space where text is
  /// filled.
  void append_clean(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      char c = text[at];
      if (c == '\xc2' && text.substr(at).starts_with("\xc2\xa0")) {
        c = ' ';
        ++at;
      }
      if (fill_ && (c == ' ' || c == '\t')) {
        if (!out_.empty() && out_.back() != ' ' && out_.back() != '\n') out_ += ' ';
      } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') {
        if (c != '\x7f') out_ += c;
      }
    }
  }

  /// After each line of input that printed: code, headings and tags end their line here.
  void end_input_line() {
    if (joined_output_ || in_cell_) return;
    if (in_heading_ || !fill_) return break_line();
    if (!in_tag_) return;
    in_tag_ = false;
    end_tag();
  }

  /// "•" and "1." stay before their text, longer tags have a line of their own.
  void end_tag() {
    constexpr std::size_t kShortTag = 3;
    const std::size_t start = out_.rfind('\n');
    if (out_.size() - (start == std::string::npos ? 0 : start + 1) > kShortTag) break_line();
  }

  void break_line() {
    in_tag_ = in_heading_ = joined_output_ = false;
    while (!out_.empty() && (out_.back() == ' ' || out_.back() == '\t')) out_.pop_back();
    if (!out_.empty() && out_.back() != '\n') out_ += '\n';
  }

  std::string_view source_;  // what is still to be read
  std::string out_;
  std::string joined_, spare_, plain_, address_;
  RoffStrings strings_;
  std::vector<bool> otherwise_;  // for each open .ie: does its .el hold
  TablePart table_ = TablePart::kNone;
  char cell_tab_ = '\t';
  bool in_cell_ = false;
  bool fill_ = true;
  bool in_tag_ = false;
  bool in_heading_ = false;
  bool joined_output_ = false;  // \c: no space before what comes next
  bool is_mdoc_ = false;
};

}  // namespace

std::string plain_text_of_roff(std::string_view page) { return RoffPage(page).run(); }

}  // namespace strait
