#include "core/config/arguments.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "core/config/keys.h"

namespace strait {
namespace {

namespace po = boost::program_options;

constexpr const char* kScenario = "SCENARIO";

po::options_description all_options() {
  po::options_description options;
  auto add = options.add_options();
  for (const Key& key : keys()) add(key.name.c_str(), po::value<std::string>());
  for (const auto& option : short_options()) add(option.name.c_str(), po::value<std::string>());
  add("set", po::value<std::string>());
  return options;
}

std::vector<po::option> read_options(const std::vector<std::string>& arguments,
                                     const po::options_description& options) {
  // No guessing (--ste would be taken for --steps) and no short options, so that a value may start
  // with '-': "--inner.lr -1" is a bad learning rate, not a bad option.
  using namespace po::command_line_style;
  const int style = allow_long | long_allow_next | long_allow_adjacent;
  po::positional_options_description words;
  words.add(kScenario, /*max_count=*/-1);  // too many are refused in our own words
  return po::command_line_parser(arguments)
      .options(options)
      .positional(words)
      .style(style)
      .allow_unregistered()
      .run()
      .options;
}

[[noreturn]] void refuse_unknown(const std::string& name) {
  std::vector<std::string> short_names = {"set"};
  for (const auto& option : short_options()) short_names.push_back(option.name);
  if (const auto nearest = nearest_name(name, short_names); nearest) {
    throw UserError(fmt::format("--{} is not an option; did you mean --{}?", name, *nearest));
  }
  throw UserError(fmt::format("{} (command line)", unknown_key(name)));
}

Argument read_set(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UserError(fmt::format("--set {}: write --set key=value", text));
  }
  return {std::string(trim(text.substr(0, equals))), std::string(trim(text.substr(equals + 1)))};
}

Argument read_option(const po::option& option) {
  if (option.unregistered) refuse_unknown(option.string_key);
  const std::string& value = option.value.at(0);
  if (option.string_key == "set") return read_set(value);
  for (const auto& [name, key] : short_options()) {
    if (name == option.string_key) return {key, value};
  }
  return {option.string_key, value};
}

void read_word(const std::string& word, Arguments& read) {
  if (word.size() > 1 && word.front() == '-') {
    throw UserError(fmt::format("{} is not an option; write --key value", word));
  }
  if (!read.scenario.empty()) {
    throw UserError(
        fmt::format("'{}' is one word too many: the scenario is {}; write --key value "
                    "for settings",
                    word, read.scenario));
  }
  read.scenario = word;
}

}  // namespace

Arguments parse_arguments(const std::vector<std::string>& arguments) {
  const po::options_description options = all_options();
  Arguments read;
  try {
    for (const po::option& option : read_options(arguments, options)) {
      if (option.position_key >= 0) {
        read_word(option.value.at(0), read);
      } else {
        read.settings.push_back(read_option(option));
      }
    }
  } catch (const po::invalid_command_line_syntax& error) {
    throw UserError(fmt::format("{} has no value; write {} VALUE", error.get_option_name(),
                                error.get_option_name()));
  } catch (const po::error& error) {
    throw UserError(fmt::format("{} (command line)", error.what()));
  }
  return read;
}

}  // namespace strait
