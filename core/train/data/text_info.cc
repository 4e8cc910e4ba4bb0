#include "core/train/data/text_info.h"

#include <fmt/format.h>

#include <algorithm>

namespace strait {

std::string text_info(const Corpus& corpus) {
  std::size_t width = 6;
  for (const auto& source : corpus.sources) width = std::max(width, source.name.size());
  std::string text = fmt::format("{:<{}}  {:>6}  {:>8}  {:>14}  {:>11}\n", "source", width, "pages",
                                 "train MB", "held-out pages", "held-out MB");
  for (const auto& s : corpus.sources) {
    text += fmt::format("{:<{}}  {:>6}  {:>8.2f}  {:>14}  {:>11.2f}\n", s.name, width,
                        s.train_pages, static_cast<double>(s.train.size()) * 1e-6, s.held_out_pages,
                        static_cast<double>(s.held_out.size()) * 1e-6);
  }
  return text;
}

}  // namespace strait
