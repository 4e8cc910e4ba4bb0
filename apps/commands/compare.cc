// strait compare A B ...: scenarios and finished runs in one table. What was trained once is priced
// on all networks that are asked for.

#include <fmt/format.h>

#include <deque>
#include <map>

#include "apps/commands/commands.h"
#include "apps/commands/priced_words.h"
#include "apps/experiment/churn.h"
#include "apps/experiment/session.h"
#include "core/base/errors.h"
#include "core/base/text.h"

namespace strait {

namespace {

constexpr std::string_view kCompareUsage =
    "write strait compare SCENARIO-OR-RUN[@key=value,...]... [--links FILE...] [--compute "
    "x0.1,x1,x10] [--loss X] [--csv FILE] [--json FILE] [--key value], e.g. strait compare demo "
    "demo@run.inner_steps=50,run.rounds=24";

/// "demo@run.inner_steps=50,data.languages=en,de": what stands before '@', and the keys behind it.
/// A part without '=' belongs to the value before it.
struct Item {
  std::string name;  // as typed
  std::string base;
  Keys keys;
};

Item read_item(const std::string& word) {
  const std::size_t at = word.find('@');
  Item item{.name = word, .base = word.substr(0, at), .keys = {}};
  if (at == std::string::npos) return item;
  for (const std::string& part : split(word.substr(at + 1), ',')) {
    if (const std::size_t equals = part.find('='); equals != std::string::npos) {
      item.keys.insert(item.keys.end(), {"--" + part.substr(0, equals), part.substr(equals + 1)});
    } else if (!item.keys.empty()) {
      item.keys.back() += "," + part;
    } else {
      throw UserError(fmt::format("{}: '{}' is no key=value; {}", word, part, kCompareUsage));
    }
  }
  return item;
}

/// One item of the table: what is trained, and where it is priced.
struct Entry {
  std::string name;
  std::string folder;  // of a finished run; empty: to be found or made
  LoadedConfig loaded;
  std::vector<Venue> venues;
  const TrainedRun* run = nullptr;
};

Entry read_entry(const std::string& word, const PricedWords& words) {
  const Item item = read_item(word);
  const Keys keys = item.keys + words.keys;
  Entry entry{.name = item.name, .folder = {}, .loaded = {}, .venues = {}};
  if (is_run_folder(item.base)) entry.folder = item.base;
  const auto load = [&](const Keys& more) {
    return entry.folder.empty() ? load_config(item.base, keys + more)
                                : load_run(entry.folder, keys + more);
  };
  entry.venues = venues_of(words, load);
  entry.loaded = load({});
  return entry;
}

/// Of a run with several arms, a demo's, only the one that the settings name.
void keep_own_arm(TrainedRun& run) {
  std::erase_if(run.arms, [&](const TrainedArm& arm) {
    const ArmOptions own = own_arm(run.loaded.config);
    return arm.options.strategy != own.strategy || arm.options.islands != own.islands;
  });
}

/// What has been trained, found or made, by its settings.
class Trained {
 public:
  /// Trains it if need be: once for all networks.
  const TrainedRun& get(const Entry& entry) {
    if (!entry.folder.empty()) return runs_.emplace_back(read_trained_run(entry.folder));
    const bool bound = come_and_go(fabric_of(entry.loaded.config));
    const std::uint64_t settings = settings_hash(entry.loaded.config);
    if (const auto found = by_settings_.find(settings); !bound && found != by_settings_.end()) {
      return *found->second;
    }
    if (const TrainedRun* run = bound ? nullptr : find(entry.loaded)) {
      fmt::print(stderr, "{}: trained before, {}\n", entry.name, run->folder);
      return remember(settings, *run);
    }
    fmt::print(stderr, "{}: training\n", entry.name);
    const auto folder = run_session(entry.loaded, {own_arm(entry.loaded.config)}, {}, stderr);
    return remember(settings, runs_.emplace_back(read_trained_run(folder)));
  }

 private:
  /// A finished run of before, whose network may be another; null if there is none.
  const TrainedRun* find(const LoadedConfig& loaded) {
    const std::string folder = find_trained(loaded);
    if (folder.empty()) return nullptr;
    TrainedRun run = read_trained_run(folder);
    keep_own_arm(run);
    if (run.arms.empty() || !run.bound.empty()) return nullptr;
    return &runs_.emplace_back(std::move(run));
  }

  const TrainedRun& remember(std::uint64_t settings, const TrainedRun& run) {
    if (run.bound.empty()) by_settings_.emplace(settings, &run);
    return run;
  }

  std::deque<TrainedRun> runs_;
  std::map<std::uint64_t, const TrainedRun*> by_settings_;
};

/// Whether its venues are other networks than the one that its run had.
bool moved(const Entry& entry, const PricedWords& words) {
  if (!words.links.empty() || words.speeds != std::vector<std::int64_t>{1'000'000}) return true;
  return !entry.folder.empty() && (entry.name != entry.folder || !words.keys.empty());
}

}  // namespace

int command_compare(const std::vector<std::string>& arguments) {
  const PricedWords words = read_priced_words(arguments, kCompareUsage);
  std::vector<Entry> entries;  // all mistakes are found before anything is trained
  for (const std::string& item : words.items) entries.push_back(read_entry(item, words));
  Trained trained;
  for (Entry& entry : entries) entry.run = &trained.get(entry);
  std::vector<PriceRequest> requests;
  for (const Entry& entry : entries) {
    for (PriceRequest& request : requests_of(entry.name, *entry.run, entry.venues)) {
      request.moved = moved(entry, words);
      requests.push_back(request);
    }
  }
  show_prices(price_rows(requests), words);
  return 0;
}

}  // namespace strait
