// From the source of a manual page (roff with the man macros) to the text that man would print:
// without styling, a paragraph or a list item per line, code as it stands, one empty line before a
// section heading.
//
// Comments (and so licences), the title line and everything that only formats are dropped. Pages
// written with the mdoc macros (1 % of Debian's manpages-* packages) and pages that only redirect
// (.so) give an empty text. A pure function of the page; never fails.
#pragma once

#include <string>
#include <string_view>

namespace strait {

/// `page` is UTF-8; so is the result, without control characters but tab and newline. It is empty
/// or ends in a newline.
std::string plain_text_of_roff(std::string_view page);

}  // namespace strait
