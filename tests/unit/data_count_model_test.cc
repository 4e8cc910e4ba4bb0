#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "core/train/data/count_model.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

/// The formula of the paper, evaluated by searching the text each time. `text` is one window.
double brute_force(const std::string& text, const std::string& context, char next) {
  double p = 1.0 / 256;
  for (std::size_t order = 0; order <= std::min<std::size_t>(2, context.size()); ++order) {
    const std::string tail = context.substr(context.size() - order);
    double total = 0, matches = 0;
    std::set<char> after;
    for (std::size_t t = std::max<std::size_t>(1, order); t < text.size(); ++t) {
      if (text.substr(t - order, order) != tail) continue;
      ++total;
      after.insert(text[t]);
      matches += text[t] == next;
    }
    const auto distinct = static_cast<double>(after.size());
    if (total > 0) p = (matches + distinct * p) / (total + distinct);
  }
  return p;
}

TEST_CASE("the count model is Witten and Bell's formula", "[data]") {
  const std::string text = "abracadabra abracadabra!";
  CountModel model;
  model.add_window(bytes_of(text));
  const std::vector<std::string> contexts{"", "a", "z", "ab", "ra", "zb", "zz", "xxabr", "za"};
  for (const std::string& context : contexts) {
    for (const char next : std::string("abrcd! z")) {
      INFO("'" << context << "' then '" << next << "'");
      CHECK(model.probability(bytes_of(context), static_cast<std::uint8_t>(next)) ==
            Approx(brute_force(text, context, next)).epsilon(1e-12));
    }
  }
}

TEST_CASE("the probabilities of the count model sum to 1 in every context", "[data]") {
  Rng rng(2, "bytes");
  std::vector<std::uint8_t> window;
  for (int i = 0; i < 3000; ++i) window.push_back(static_cast<std::uint8_t>(rng.below(20) * 13));
  CountModel model;
  const CountModel empty;
  model.add_window(window);
  for (std::size_t length = 0; length <= 3; ++length) {
    for (std::size_t at = 0; at < 50; ++at) {
      auto context =
          std::vector<std::uint8_t>(window.begin() + static_cast<std::ptrdiff_t>(at),
                                    window.begin() + static_cast<std::ptrdiff_t>(at + length));
      if (at % 7 == 6 && length > 0) context.back() = 1;  // never seen
      double sum = 0, least = 1;
      for (int c = 0; c < 256; ++c) {
        const double p = model.probability(context, static_cast<std::uint8_t>(c));
        sum += p;
        least = std::min(least, p);
      }
      CHECK(sum == Approx(1).epsilon(1e-12));
      CHECK(least > 0);
      CHECK(empty.probability(context, 7) == 1.0 / 256);
    }
  }
}

TEST_CASE("bits per byte is the mean over targets with the window's own context", "[data]") {
  const auto fitted = bytes_of("the cat sat on the mat");
  const auto first = bytes_of("that"), second = bytes_of("nothing");
  CountModel model;
  CHECK(model.bits_per_byte(std::vector<Window>{first}) == 8);
  model.add_window(fitted);
  double bits = 0;
  for (const auto& window : {first, second}) {
    for (std::size_t t = 1; t < window.size(); ++t) {
      const std::size_t from = t < 2 ? 0 : t - 2;
      bits -= std::log2(model.probability(std::span(window).subspan(from, t - from), window[t]));
    }
  }
  CHECK(model.bits_per_byte(std::vector<Window>{first, second}) == Approx(bits / 9));
}

TEST_CASE("the model of a run counts each consumed window once", "[data]") {
  Corpus corpus;
  corpus.sources.resize(1);
  corpus.sources[0].name = std::string("s");
  Rng rng(3, "text");
  std::vector<std::uint8_t> train;
  for (int i = 0; i < 161; ++i) train.push_back(static_cast<std::uint8_t>('a' + rng.below(5)));
  corpus.sources[0].train = Tokens(train);
  const Batches batches(corpus, {.islands = 2, .sequences = 5, .context = 16, .seed = 1});
  CountModel all;
  for (std::size_t w = 0; w < 10; ++w) {
    all.add_window(Window(train).subspan(w * 16, 17));
  }
  const auto text = bytes_of("abcdeabcdeaabbccdd");
  const std::vector<Window> windows{text};
  const double expected = all.bits_per_byte(windows);
  CHECK(fit_count_model(batches, 2, 1).bits_per_byte(windows) == Approx(expected));
  CHECK(fit_count_model(batches, 2, 7).bits_per_byte(windows) == Approx(expected));
  CHECK(fit_count_model(batches, 1, 1).bits_per_byte(windows) != Approx(expected));
}

}  // namespace
}  // namespace strait
