// What a text is and who would train on what, for people. Pure functions; any thread.
#pragma once

#include <string>

#include "core/train/data/batches.h"
#include "core/train/data/corpus.h"

namespace strait {

/// A line per source: files, documents, tokens, bytes of text per token.
std::string sources_table(const Corpus& corpus);

/// What the tokens are, and what was odd about the text; each line ends in '\n'.
std::string tokens_text(const Corpus& corpus);

/// A line per island: its windows, their share of all, the sources they are from, and how many of
/// them (or of a sample) another island has, too: by place, and by contents.
std::string islands_table(const Corpus& corpus, const Batches& batches, std::int32_t islands);

/// The first window that an island would train on at step 0, as text in one line.
std::string sample_text(const Corpus& corpus, const Batches& batches);

}  // namespace strait
