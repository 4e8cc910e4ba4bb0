#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/data/roff.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

struct Example {
  const char* what;
  const char* roff;
  const char* text;
};

void check(const std::vector<Example>& examples) {
  for (const auto& example : examples) {
    INFO(example.what);
    CHECK(plain_text_of_roff(example.roff) == example.text);
  }
}

TEST_CASE("roff paragraphs are filled to a line each", "[data]") {
  check({
      {"lines are joined", "one\ntwo\n.PP\nthree\n", "one two\nthree\n"},
      {"an empty line ends a paragraph", "one\n\ntwo\n", "one\ntwo\n"},
      {"a leading space breaks", "one\n  two\n", "one\ntwo\n"},
      {"runs of blanks are one", "one.  Two \n three\t four\n", "one. Two\nthree four\n"},
      {"an empty line before sections", ".SH NAME\nls\n.SH SEE  ALSO\nx\n",
       "NAME\nls\n\nSEE ALSO\nx\n"},
      {"a heading on the next line", ".SS\nTwo words\ntext\n", "Two words\ntext\n"},
      {"title and unknown requests vanish", ".TH LS 1 2022\n.ll 70\n.zz some words\ntext\n",
       "text\n"},
      {"Windows line ends", "one\r\ntwo\r\n", "one two\n"},
      {"no last newline", "one", "one\n"},
      {"a line goes on after a backslash", "one \\\ntwo\n", "one two\n"},
      {"nothing", "", ""},
  });
}

TEST_CASE("roff list items keep their tags", "[data]") {
  check({
      {"a long tag has its own line", ".TP\n\\fB\\-\\-all\\fP\ntext\n.TP 8\n.B \\-\\-big\nmore\n",
       "--all\ntext\n--big\nmore\n"},
      {"a short tag stays before the text", ".TP\n.B \\-a\ntext\nmore\n", "-a text more\n"},
      {"several tags", ".TP\n.B first\n.TQ\n.B second\ntext\n", "first\nsecond\ntext\n"},
      {"bullets", ".IP \\(bu 3\nfirst\n.IP \\(bu\nsecond\n.IP\nthird\n",
       "• first\n• second\nthird\n"},
      {"a tag continued by \\c", ".TP\n.B \\-\\-long\\c\n=\\fIx\\fR\ntext\n", "--long=x\ntext\n"},
  });
}

TEST_CASE("roff font requests join their words as man prints them", "[data]") {
  check({
      {"B joins with spaces", ".B one two \"three  four\"\n", "one two three four\n"},
      {"BR joins without", "see\n.BR open (2),\nthen\n", "see open(2), then\n"},
      {"alternating arguments with quotes", ".RB ( read \"(2), \" write (2))\n",
       "(read(2), write(2))\n"},
      {"an escaped space stays in its word", ".IR a\\ b , c\n", "a b,c\n"},
      {"doubled quotes are one", ".B \"say \"\"hi\"\" now\"\n", "say \"hi\" now\n"},
      {"a comment after the words", ".B word \\\" not this\n", "word\n"},
      {"synopsis", ".SY ls\n.OP \\-a\n.OP \\-w cols\n.YS\n", "ls [-a] [-w cols]\n"},
      {"links", "at\n.UR https://x.org/\nhere\n.UE ,\nand\n.MT a@b.c\n.ME .\n",
       "at here <https://x.org/>, and <a@b.c>.\n"},
  });
}

TEST_CASE("roff escapes become the characters they print", "[data]") {
  check({
      {"fonts vanish", "\\fBb\\fR \\fIi\\fP \\f(CWc\\f[R] \\f2x\\f1\n", "b i c x\n"},
      {"dashes and dots", "\\-\\-x \\e \\&.y a\\|b c\\^d\n", "--x \\ .y ab cd\n"},
      {"glyphs", "\\(em \\(lqq\\(rq \\(aq \\[bu] \\(co \\(:a \\[ha] \\(rs\n",
       "— “q” ' • © ä ^ \\\n"},
      {"by number", "\\[u20AC] \\[char176] \\N'65'\n", "€ ° A\n"},
      {"unknown glyphs and bad numbers vanish", "a\\(QQb\\[nonsense]c\\[uD800]d\\[uFFFFFFFF]e\n",
       "abcde\n"},
      {"sizes, moves and registers vanish",
       "\\s-1A\\s0B\\s+12C\\h'2n'D\\v'-1'E\\n(.gF\\m[red]G\\s[8]H\n", "ABCDEFGH\n"},
      {"fixed spaces", "a\\ b\\~c\\0d\xc2\xa0 e\n", "a b c d e\n"},
      {"a comment ends the line", "text \\\" comment\nmore\n", "text more\n"},
      {"cut short", "a\\", "a\n"},
      {"cut short in a name", "a\\(\nb\\[x\nc\\f\nd\\h'\n", "a b c d\n"},
      {"a quote and a size beyond ASCII", "a\\h»1»b\\s»c\n", "abc\n"},
      {"a name of letters beyond ASCII", "\\*(L»x« \\*»y\n", "x« y\n"},
  });
}

TEST_CASE("roff strings, conditions and definitions are followed as far as pages need", "[data]") {
  check({
      {"a string of the page", ".ds Nm \"the name\n\\*(Nm and \\*[Nm]\\*(no\n",
       "the name and the name\n"},
      {"a one-letter string and appending", ".ds x a\n.as x b\n\\*x\n", "ab\n"},
      {"a string that names itself ends", ".ds x \\*x\na\\*x\n", "a\n"},
      {"terminal yes, typesetter no", ".if n yes\n.if t no\n.if !n no\n.if !t also\n",
       "yes also\n"},
      {"if and else", ".ie \\n(.g groff\n.el other\n.ie t paper\n.el screen\n", "groff screen\n"},
      {"blocks", ".ie t \\{\\\n.B no\n.if n \\{ no \\}\n.\\}\n.el \\{\\\nyes\n.\\}\nend\n",
       "yes end\n"},
      {"strings compared", ".if '\\*[.T]'html' no\nyes\n", "yes\n"},
      {"macros are not text", ".de XX\ninside\n..\n.ig zz\nignored\n.zz\noutside\n", "outside\n"},
      {"an open block ends with the page", "a\n.if t \\{\nb\n", "a\n"},
      {"an open macro ends with the page", "a\n.de XX\nb\n", "a\n"},
  });
}

TEST_CASE("roff code keeps its lines and blanks", "[data]") {
  check({
      {"nf and fi", "text\n.nf\nint  main()\n\t{\n.fi\nmore\nwords\n",
       "text\nint  main()\n\t{\nmore words\n"},
      {"EX with a request inside", ".EX\n.B #include <x.h>\n.BI \"int f(int \" x );\n  y\n.EE\n",
       "#include <x.h>\nint f(int x);\n  y\n"},
      {"a heading ends it", ".nf\na\nb\n.SH NEXT\nc\nd\n", "a\nb\n\nNEXT\nc d\n"},
  });
}

TEST_CASE("roff tables become rows of cells", "[data]") {
  check({
      {"cells", ".TS\nlb lb\nl l.\nName\tMeaning\n_\na\tfirst\n.TE\ntext\n",
       "Name  Meaning\na  first\ntext\n"},
      {"another tab and options", ".TS\nallbox tab(:);\nc c.\nx:y\n.TE\n", "x  y\n"},
      {"text blocks", ".TS\nl l.\na\tT{\none\n.B two\nT}\tlast\nb\tT{\nx\nT}\n.TE\n",
       "a  one two  last\nb  x\n"},
      {"a second format", ".TS\nl l.\na\tb\n.T&\nl l l.\nc\td\te\n.TE\n", "a  b\nc  d  e\n"},
      {"not closed", ".TS\nl.\nT{\nx\n", "x\n"},
  });
}

TEST_CASE("comments, redirections, mdoc pages and control characters leave no text", "[data]") {
  check({
      {"comments", ".\\\" licence\n'\\\" t\n.\n.\\\" ends in \\\ntext\n", "text\n"},
      {"a redirection", ".so man2/open.2\n", ""},
      {"mdoc", ".Dd May 1, 2020\n.Dt SSH 1\n.Sh NAME\n.Nm ssh\n", ""},
      {"equations and pictures", "a\n.EQ\nx over y\n.EN\n.PS\nbox\n.PE\nb\n", "a b\n"},
  });
  using namespace std::string_literals;
  CHECK(plain_text_of_roff("a\0b\x01\x7f"
                           "c\n"s) == "abc\n");
}

// Whatever the bytes are: cut anywhere, the cleaning ends, and no control character is left.
TEST_CASE("a page that is cut anywhere is still cleaned", "[data]") {
  const std::string page =
      ".TH A 1\n.SH NAME\na \\- b\\c\n.ie n \\{\\\n.ds x \\*(lq\n.\\}\n.el .br\n.TS\ntab(;);\nl "
      "l.\n"
      "a;T{\n.B b\nT}\n.TE\n.TP\n\\fBx\\fP \\[u20AC]\\s-1\\h'1'\n.IP \"a \"\"b\" 3\n.UR x\n.UE .\n"
      ".nf\n x\\e\n.fi\n.de y\n..\n.OP \\-x\n";
  for (std::size_t size = 0; size <= page.size(); ++size) {
    const std::string text = plain_text_of_roff(std::string_view(page).substr(0, size));
    INFO("cut after " << size);
    CHECK((text.empty() || text.back() == '\n'));
    CHECK(std::none_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
    }));
  }
}

}  // namespace
}  // namespace strait
