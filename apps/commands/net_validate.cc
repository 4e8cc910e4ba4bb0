// strait net validate: the emulator's TCP against a kernel's, as it was recorded or as it is
// measured now.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/validation/kernel/measure.h"
#include "apps/validation/statistics.h"
#include "apps/validation/validate.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace strait {
namespace {

struct Options {
  std::vector<std::string> files;
  std::uint64_t seeds = 31;
  bool kernel = false;  // measure it now
  // For --kernel:
  std::uint64_t repeats = 0;  // 0: three times, or as often as was recorded where chance has a part
  std::string write;          // where the measured cases go; empty: nowhere
};

constexpr std::uint64_t kRepeats = 3;

std::uint64_t count_of(const std::string& option, const std::string& text, std::uint64_t most,
                       int example) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > most) {
    throw UserError(
        fmt::format("{} {}: write a number from 1 to {}, e.g. {}", option, text, most, example));
  }
  return count;
}

Options options_of(const std::vector<std::string>& words) {
  Options options;
  std::string option;  // that waits for a value
  const auto expect_none = [&] {
    if (option.empty() || option == "--cases") return;
    throw UserError(fmt::format("{} has no {}; {}", option, option == "--write" ? "file" : "number",
                                kNetValidateUsage));
  };
  for (const std::string& word : words) {
    if (word.starts_with("--")) {
      expect_none();
      option = word;
      if (word == "--kernel") {
        options.kernel = true;
        option.clear();
      } else if (word != "--cases" && word != "--seeds" && word != "--repeats" &&
                 word != "--write") {
        throw UserError(fmt::format("{} is unknown; {}", word, kNetValidateUsage));
      }
      continue;
    }
    if (option == "--cases") {
      options.files.push_back(word);
      continue;
    }
    if (option == "--seeds") {
      options.seeds = count_of(option, word, 100'000, 31);
    } else if (option == "--repeats") {
      options.repeats = count_of(option, word, 1'000, 3);
    } else if (option == "--write") {
      options.write = word;
    } else {
      throw UserError(fmt::format("'{}' belongs to no option; {}", word, kNetValidateUsage));
    }
    option.clear();
  }
  expect_none();
  if (options.files.empty()) throw UserError(fmt::format("no cases; {}", kNetValidateUsage));
  if (!options.kernel && (options.repeats > 0 || !options.write.empty())) {
    throw UserError(fmt::format("{} belongs to --kernel; {}",
                                options.repeats > 0 ? "--repeats" : "--write", kNetValidateUsage));
  }
  if (std::find(options.files.begin(), options.files.end(), options.write) != options.files.end()) {
    throw UserError(
        fmt::format("--write {}: it is one of the --cases; give another name", options.write));
  }
  return options;
}

/// All files are read before the first case runs.
std::vector<MeasuredCase> read_cases(const std::vector<std::string>& files) {
  std::vector<MeasuredCase> cases;
  for (const std::string& file : files) {
    for (MeasuredCase& measured : read_case_file(file)) cases.push_back(std::move(measured));
  }
  return cases;
}

std::uint64_t repeats_of(const Options& options, const MeasuredCase& recorded) {
  if (options.repeats > 0) return options.repeats;
  return recorded.tight ? kRepeats : std::max<std::uint64_t>(kRepeats, recorded.all_s.size());
}

void print_row(const std::string& row) {
  fmt::print("{}\n", row);
  std::fflush(stdout);
}

int validate_recorded(const Options& options, const std::vector<MeasuredCase>& cases) {
  std::vector<ValidatedCase> validated;
  print_row(csv_header());
  for (const MeasuredCase& measured : cases) {
    validated.push_back(validate(measured, options.seeds));
    print_row(csv_row(validated.back()));
  }
  fmt::print("{}", summary(validated));
  return 0;
}

// --- a kernel measured now ---

double change_pct(const Measurement& m, const MeasuredCase& recorded) {
  return 100 * (m.measured.median_s / recorded.median_s - 1);
}

/// How near the kernel of now is to that of the files, and whose relay was late.
std::string kernel_summary(const std::vector<Measurement>& measurements,
                           const std::vector<MeasuredCase>& recorded) {
  std::vector<double> changes;
  std::vector<std::string> late;
  int again = 0;
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    changes.push_back(std::abs(change_pct(measurements[i], recorded[i])));
    again += measurements[i].again;
    if (is_late(measurements[i].late_share())) late.push_back(recorded[i].setup.id);
  }
  const auto worst = std::max_element(changes.begin(), changes.end()) - changes.begin();
  std::string text = fmt::format(
      "# this kernel against the recorded one: {} cases, difference of the medians: median {:.2f} "
      "%, 90th percentile {:.2f} %, worst {:.2f} % ({})\n",
      changes.size(), median(changes), quantile(changes, 0.9),
      changes[static_cast<std::size_t>(worst)], recorded[static_cast<std::size_t>(worst)].setup.id);
  if (again > 0) {
    text += fmt::format("# {} repetitions were made twice: the relay was late\n", again);
  }
  if (!late.empty()) {
    text += fmt::format(
        "# late all the same, over 1 ms for more than 1 % of the packets, and so spread: {}\n",
        join(late, ", "));
  }
  return text;
}

int validate_measured(const Options& options, const std::vector<MeasuredCase>& cases) {
  check_measurable(cases);
  check_can_write(options.write, "--write");
  std::vector<Measurement> measurements;
  std::vector<ValidatedCase> validated;
  print_row(csv_header() + ",recorded_s,late_pct");
  for (const MeasuredCase& recorded : cases) {
    const std::uint64_t repeats = repeats_of(options, recorded);
    fmt::print(stderr, "case {} of {}: {}, repetitions: {}\n", measurements.size() + 1,
               cases.size(), recorded.setup.id, repeats);
    measurements.push_back(measure(recorded, static_cast<int>(repeats)));
    const Measurement& now = measurements.back();
    validated.push_back(validate(now.measured, options.seeds));
    print_row(fmt::format("{},{:.4f},{:.2f}", csv_row(validated.back()), recorded.median_s,
                          100 * now.late_share()));
    // After each case, so that one who has waited an hour and stops it has what was measured.
    if (!options.write.empty())
      write_file_atomically(options.write, case_file(measurements), "--write");
  }
  fmt::print("{}{}", summary(validated), kernel_summary(measurements, cases));
  return 0;
}

}  // namespace

int command_net_validate(const std::vector<std::string>& words) {
  const Options options = options_of(words);
  const std::vector<MeasuredCase> cases = read_cases(options.files);
  return options.kernel ? validate_measured(options, cases) : validate_recorded(options, cases);
}

}  // namespace strait
