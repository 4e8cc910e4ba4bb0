// strait net: what the emulated network does, and how well.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/validation/validate.h"
#include "core/base/errors.h"

namespace strait {
namespace {

constexpr std::string_view kUsage = "write strait net validate --cases FILE... [--seeds N]";

std::uint64_t seeds_of(const std::string& text) {
  std::uint64_t seeds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seeds);
  if (error != std::errc() || end != text.data() + text.size() || seeds < 1 || seeds > 100'000) {
    throw UserError(fmt::format("--seeds {}: write a number from 1 to 100000, e.g. 31", text));
  }
  return seeds;
}

int validate_cases(const std::vector<std::string>& words) {
  std::vector<std::string> files;
  std::uint64_t seeds = 31;
  std::string option;
  for (const std::string& word : words) {
    if (word.starts_with("--")) {
      if (word != "--cases" && word != "--seeds") {
        throw UserError(fmt::format("{} is unknown; {}", word, kUsage));
      }
      option = word;
    } else if (option == "--cases") {
      files.push_back(word);
    } else if (option == "--seeds") {
      seeds = seeds_of(word);
      option.clear();
    } else {
      throw UserError(fmt::format("'{}' belongs to no option; {}", word, kUsage));
    }
  }
  if (option == "--seeds") throw UserError(fmt::format("--seeds has no number; {}", kUsage));
  if (files.empty()) throw UserError(fmt::format("no cases; {}", kUsage));
  std::vector<MeasuredCase> cases;  // all files are read before the first case runs
  for (const std::string& file : files) {
    for (MeasuredCase& measured : read_case_file(file)) cases.push_back(std::move(measured));
  }
  std::vector<ValidatedCase> validated;
  fmt::print("{}", csv_header());
  for (const MeasuredCase& measured : cases) {
    validated.push_back(validate(measured, seeds));
    fmt::print("{}", csv_row(validated.back()));
    std::fflush(stdout);
  }
  fmt::print("{}", summary(validated));
  return 0;
}

}  // namespace

int command_net(const std::vector<std::string>& words) {
  if (words.empty() || words.front() != "validate") {
    throw UserError(fmt::format("strait net{}: {}",
                                words.empty() ? "" : fmt::format(" {}", words.front()), kUsage));
  }
  return validate_cases({words.begin() + 1, words.end()});
}

}  // namespace strait
