// GPT-2's rule for what a byte-pair tokenizer may merge: a text is cut into words first, and no
// token reaches across two. The words are the matches of
//
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// so a word takes one blank before it along, and of several blanks the last one goes with the next
// word. Classes are Unicode's (utf8proc); a byte that is no UTF-8 is none of blank, letter, number.
#pragma once

#include <string_view>

namespace strait {

/// Where the word that begins at `begin` ends; begin < text.size(). Any thread.
std::size_t word_end(std::string_view text, std::size_t begin);

}  // namespace strait
