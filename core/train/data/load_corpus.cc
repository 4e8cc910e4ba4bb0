#include <fmt/format.h>

#include "core/base/errors.h"
#include "core/train/data/corpus.h"
#include "core/train/data/find_text.h"
#include "core/train/data/prepared.h"
#include "core/train/data/token_files.h"

namespace strait {

Corpus load_corpus(const TextOptions& options) {
  switch (kind_of_text(options.text)) {
    case TextKind::kPrepared: return load_prepared(options.text, options.vocabulary);
    case TextKind::kTokenFiles: return load_token_files(options.text, options.vocabulary);
    case TextKind::kText: break;
  }
  if (options.vocabulary != 0 && options.vocabulary < 256) {
    throw UserError(
        fmt::format("model.vocabulary = {}: has to be 256 or more, since text is read "
                    "byte by byte; or prepare the text (strait data prepare)",
                    options.vocabulary));
  }
  return load_text(find_text(options));
}

std::int64_t vocabulary_of_text(const std::string& text) {
  switch (kind_of_text(text)) {
    case TextKind::kPrepared: return vocabulary_of_prepared(text);
    case TextKind::kTokenFiles: return vocabulary_of_token_files(text);
    case TextKind::kText: break;
  }
  return 256;
}

}  // namespace strait
