#include "apps/commands/completion.h"

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/config/keys.h"
#include "core/config/load.h"

namespace strait {
namespace {

std::string choices_of_keys() {
  std::string cases;
  for (const Key& key : keys()) {
    std::vector<std::string> values = key.rule.choices;
    if (values.empty() && key.rule.example == "true") values = {"true", "false"};
    if (values.empty() && key.rule.example == "false") values = {"true", "false"};
    if (values.empty()) continue;
    cases += fmt::format("    --{}) words='{}' ;;\n", key.name, join(values, " "));
  }
  return cases;
}

std::string cases_of(const std::vector<CompletedCommand>& commands) {
  std::string cases;
  for (const CompletedCommand& command : commands) {
    cases += fmt::format("    {}) words='{}' options='{}' keys={} ;;\n", command.name,
                         join(command.words, " "), join(command.options, " "),
                         command.takes_keys ? "yes" : "");
  }
  return cases;
}

}  // namespace

std::string bash_completion(const std::vector<CompletedCommand>& commands) {
  std::vector<std::string> names, all_keys;
  for (const CompletedCommand& command : commands) names.push_back(command.name);
  for (const ShortOption& option : short_options()) all_keys.push_back("--" + option.name);
  for (const Key& key : keys()) all_keys.push_back("--" + key.name);
  return fmt::format(R"(# bash completion for strait; made by: strait completion bash
_strait() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  local words='' options='' keys=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{} --help --version' -- "$word")
    return
  fi
  case $before in
{}    --*.links | --*.islands | --*.regions | --*.bottlenecks | --*.events | --*.text | --out | --record)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
  esac
  if [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $word == -* ]]; then
    [[ -z $keys ]] || options+=' {} --set --print-config'
    mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$word")
  else
    if [[ -n $words ]] && ((COMP_CWORD == 2)); then
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      return
    fi
    words=''
    [[ -z $keys ]] || words=' {}'
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"
      compgen -f -X '!*.@(ini|csv|txt|html|json)' -- "$word"
      compgen -d -- "$word")
  fi
}}
complete -F _strait strait
)",
                     join(names, " "), choices_of_keys(), cases_of(commands), join(all_keys, " "),
                     join(scenario_names(), " "));
}

}  // namespace strait
