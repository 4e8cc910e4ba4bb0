// How much text there is, for people.
#pragma once

#include <string>

#include "core/train/data/corpus.h"

namespace strait {

/// A line per source: pages, MB to train on, MB held out; columns aligned, each line ends in '\n'.
std::string text_info(const Corpus& corpus);

}  // namespace strait
