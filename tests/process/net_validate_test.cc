// strait net validate: what it prints, and the mistakes that case files can have.
#include <fmt/format.h>

#include "core/base/files.h"
#include "core/base/text.h"
#include "tests/process/program.h"

namespace strait {
namespace {

constexpr const char* kHeader = "id,params,median_s,all_s,wire_bytes,class\n";

/// A file of cases with one row of these values.
std::string row(const std::string& params, const std::string& rest = "1.0,1.0 1.1,10000,tight") {
  std::string quoted;
  for (const char c : params) quoted.append(c == '"' ? 2 : 1, c);
  return fmt::format("{}x,\"{}\",{}\n", kHeader, quoted, rest);
}

std::string line_for(const std::string& text) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "cases.csv", text);
  return mistake({"net", "validate", "--cases", "cases.csv"}, {.folder = folder.path()});
}

TEST_CASE("the cases measured with a kernel run, one row each and a line per class", "[process]") {
  const Ended ended = run_strait({"net", "validate", "--cases", ground_truth("kernel_dev.csv"),
                                  ground_truth("kernel_grid.csv"), "--seeds", "2"});
  REQUIRE(ended.code == 0);
  CHECK(ended.err.empty());
  const auto lines = split(trim(ended.out), '\n');
  REQUIRE(lines.size() == 1 + 26 + 123 + 3);
  CHECK(lines[0] == "id,class,kernel_s,strait_s,error_pct,kernel_wire_bytes,strait_wire_bytes");
  CHECK_THAT(lines[1], Catch::StartsWith("D01,tight,6.5508,"));
  CHECK_THAT(lines[150], Catch::StartsWith("# tight: 90 cases, error of the time: median "));
  CHECK_THAT(lines[151], Catch::StartsWith("# spread: 59 cases, error of the time: median "));
  // Without loss a single CUBIC flow has only slow start and the link.
  for (const std::string& line : lines) {
    if (!line.starts_with("D01,") && !line.starts_with("100M-50ms-0%-100MB-cubic,")) continue;
    INFO(line);
    CHECK(std::abs(std::stod(split(line, ',')[4])) < 1);
  }
}

TEST_CASE("what is no case is refused by its file, line and column", "[process]") {
  for (const auto& [text, line] : affordable<std::pair<std::string, std::string>>({
           {kHeader, "cases.csv: no cases; add a row for each"},
           {row(R"({"mpbs": 100})"), "cases.csv:2: column 'params': 'mpbs' is unknown"},
           {row(R"({"mbps": -1})"),
            "cases.csv:2: column 'params': mbps: '-1' is no number from 0.001 to 1000000"},
           {row(R"({"pairs": "a>c"})"),
            "cases.csv:2: column 'params': pairs: there are only 2 hosts (n)"},
           {row(R"({"pairs": "a-b"})"),
            "cases.csv:2: column 'params': pairs: 'a-b' is no pair; write a>b"},
           {row(R"({"extra": "--outage 3"})"),
            "cases.csv:2: column 'params': extra: '3' is not two numbers"},
           {row(R"({"extra": "--steps 0:40,2:10"})"),
            "cases.csv:2: column 'params': extra: --steps needs a --period behind its last step"},
           {row(R"({"extra": "--steps 0:40,5:10,2:5 --period 6"})"),
            "cases.csv:2: column 'params': extra: --steps are not in the order of time"},
           {row(R"({"loss": 1})"),
            "cases.csv:2: column 'params': loss: '1' is no number from 0 to 0.99"},
           {row(R"({"cc": "cubik"})"),
            "cases.csv:2: column 'params': cc: 'cubik' is unknown; there are cubic, bbr, reno"},
           {row(R"({"mode": "rnig"})"),
            "cases.csv:2: column 'params': mode: 'rnig' is unknown; there are xfer, ring"},
           {row(R"({"pairs": "a>a"})"),
            "cases.csv:2: column 'params': pairs: a host does not send to itself"},
           {row(R"({"mode": "ring", "nbytes": 1})"),
            "cases.csv:2: column 'params': nbytes: less than a byte for each host (n)"},
           {row(R"({"mode": "ring", "kextra": ["--warm", "5"]})"),
            "cases.csv:2: column 'params': kextra: a ring has no transfer before"},
           {row(R"({"pairs": 3})"), "cases.csv:2: column 'params': pairs: 3 is of another type"},
           {row("{"), "cases.csv:2: column 'params': '{' is no JSON"},
           {row("{}", "1.0,,10000,tight"),
            "cases.csv:2: column 'all_s': empty; give the seconds of every repetition"},
           {row("{}", "0,1.0,10000,tight"),
            "cases.csv:2: column 'median_s': '0' is no number from 1e-09 to 10000000"},
           {row("{}", "1.0,1.0,10000,tigt"),
            "cases.csv:2: column 'class': 'tigt' is neither tight nor spread"},
           {fmt::format("{}x,\"{{}},1.0,1.0,10000,tight\n", kHeader),
            "cases.csv:2: a double quote is not closed"},
       })) {
    CHECK(line_for(text) == line);
  }
}

TEST_CASE("options of strait net that cannot be read are refused", "[process]") {
  const TemporaryFolder folder;
  const std::string usage =
      "write strait net validate --cases FILE... [--seeds N] [--kernel [--repeats N] [--write "
      "FILE]]";
  const std::string all =
      "write strait net show, probe, serve, lab or validate; strait net --help shows what they "
      "take";
  for (const auto& [words, line] : affordable<std::pair<Words, std::string>>({
           {{"net"}, fmt::format("strait net: {}", all)},
           {{"net", "prob"}, fmt::format("strait net prob: {}", all)},
           {{"net", "validate"}, fmt::format("no cases; {}", usage)},
           {{"net", "validate", "x.csv"}, fmt::format("'x.csv' belongs to no option; {}", usage)},
           {{"net", "validate", "--case", "x.csv"}, fmt::format("--case is unknown; {}", usage)},
           {{"net", "validate", "--cases", "none.csv"},
            "none.csv: cannot be opened: No such file or directory"},
           {{"net", "validate", "--cases", "none.csv", "--seeds"},
            fmt::format("--seeds has no number; {}", usage)},
           {{"net", "validate", "--cases", "none.csv", "--kernel", "--write", "--repeats"},
            fmt::format("--write has no file; {}", usage)},
           {{"net", "validate", "--cases", "none.csv", "--kernel", "3"},
            fmt::format("'3' belongs to no option; {}", usage)},
           {{"net", "validate", "--cases", "none.csv", "--repeats", "3"},
            fmt::format("--repeats belongs to --kernel; {}", usage)},
           {{"net", "validate", "--cases", "none.csv", "--write", "new.csv"},
            fmt::format("--write belongs to --kernel; {}", usage)},
           {{"net", "validate", "--kernel", "--cases", "none.csv", "--repeats", "1.5"},
            "--repeats 1.5: write a number from 1 to 1000, e.g. 3"},
           {{"net", "validate", "--kernel", "--cases", "a.csv", "b.csv", "--write", "b.csv"},
            "--write b.csv: it is one of the --cases; give another name"},
           {{"net", "validate", "--kernel", "--cases", "none.csv"},
            "none.csv: cannot be opened: No such file or directory"},
           {{"net", "validate", "--seeds", "0", "--cases", "none.csv"},
            "--seeds 0: write a number from 1 to 100000, e.g. 31"},
       })) {
    CHECK(mistake(words, {.folder = folder.path()}) == line);
  }
}

}  // namespace
}  // namespace strait
