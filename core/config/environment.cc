#include "core/config/environment.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "core/config/keys.h"

namespace strait {
namespace {

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '.') c = '_';
  }
  return text;
}

/// The variable of a key, or one that a key of its section might have.
bool is_meant(const std::string& variable) {
  return std::any_of(keys().begin(), keys().end(), [&](const Key& key) {
    return variable.starts_with(variable_of(key.section()) + "_");
  });
}

}  // namespace

std::string variable_of(const std::string& key) { return "STRAIT_" + upper(key); }

std::vector<EnvironmentSetting> environment_settings(const std::vector<std::string>& environment) {
  std::vector<std::string> known;
  for (const Key& key : keys()) known.push_back(variable_of(key.name));
  std::vector<std::pair<std::size_t, EnvironmentSetting>> found;
  for (const std::string& line : environment) {
    const std::string variable = line.substr(0, line.find('='));
    if (variable.size() == line.size() || !is_meant(variable)) continue;
    const auto at = std::find(known.begin(), known.end(), variable);
    if (at == known.end()) {
      const std::string nearest = did_you_mean(variable, known);
      throw UserError(
          fmt::format("{} (environment) stands for no key{}", variable,
                      nearest.empty() ? "; strait run --help lists all keys" : nearest));
    }
    const auto index = static_cast<std::size_t>(at - known.begin());
    found.push_back({index, {variable, keys()[index].name, line.substr(variable.size() + 1)}});
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<EnvironmentSetting> settings;
  for (auto& [index, setting] : found) settings.push_back(std::move(setting));
  return settings;
}

}  // namespace strait
