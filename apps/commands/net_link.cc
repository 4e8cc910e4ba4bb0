// strait net probe HOST:PORT and strait net serve: the two ends of a real link that is measured.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <tuple>

#include "apps/commands/commands.h"
#include "apps/lab/commands.h"
#include "apps/launch/real_options.h"
#include "apps/probing/real/link_report.h"
#include "apps/probing/real/probe_server.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

constexpr std::string_view kServesAt = "127.0.0.1:7373";

/// With a port; or an IPv4 address that has none, which is a mistake of its own.
bool is_address(const std::string& word) {
  std::error_code ignored;
  if (word.starts_with("--") || std::filesystem::exists(word, ignored)) return false;
  in_addr number{};
  return word.find(':') != std::string::npos || ::inet_pton(AF_INET, word.c_str(), &number) == 1;
}

bool is_option_of_link(const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  return name == "--seconds" || name == "--write";
}

/// The one word that is left when the options are taken.
std::string only_word(const std::vector<std::string>& words, std::string_view usage) {
  if (words.size() == 1 && !words[0].starts_with("--")) return words[0];
  throw UserError(words.empty()
                      ? fmt::format("no address; {}", usage)
                      : fmt::format("'{}' does not belong here; {}", words.back(), usage));
}

Nanos seconds_of(const std::string& text) {
  constexpr auto most = static_cast<int>(kMostProbeTime.count() / 1'000'000'000);
  if (text.empty()) return LinkProbeOptions{}.time;
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > most) {
    throw UserError(fmt::format("--seconds {}: write a number from 1 to {}, e.g. 5", text, most));
  }
  return std::chrono::seconds(count);
}

void print_progress(const std::string& line) { fmt::print(stderr, "{}\n", line); }

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

bool name_a_link(const std::vector<std::string>& words) {
  return (!words.empty() && is_address(words[0])) ||
         std::any_of(words.begin(), words.end(), is_option_of_link);
}

int command_net_probe_link(std::vector<std::string> words) {
  const std::string file = take_option(words, "--write", "file", kNetProbeLinkUsage);
  const Nanos time = seconds_of(take_option(words, "--seconds", "number", kNetProbeLinkUsage));
  const HostPort place = parse_host_port(only_word(words, kNetProbeLinkUsage), "strait net probe");
  const auto server = SocketAddress::resolve(place, "strait net probe");
  if (server.port() == 0) {
    throw UserError(
        fmt::format("strait net probe: nobody listens on port 0; write the port that "
                    "strait net serve names, e.g. {}:7373",
                    place.host));
  }
  check_can_write(file, "--write");
  const LinkMeasurement measured =
      measure_real_link(server, {.time = time, .progress = print_progress});
  const LinkFigures figures = link_figures(measured);
  fmt::print("{}\n{}\n{}\n{}", idle_text(figures.idle), loads_table(measured), link_table(figures),
             link_notes(measured, figures));
  if (file.empty()) return 0;
  write_file_atomically(file, links_csv(measured, figures), "--write");
  fmt::print("\nlinks: {}; to emulate it: strait run SCENARIO --run.islands 2 --network.links {}\n",
             file, file);
  return 0;
}

int command_net_serve(std::vector<std::string> words) {
  const auto insecure = std::erase(words, "--insecure") > 0;
  if (words.empty()) words.emplace_back(kServesAt);
  const HostPort place = parse_host_port(only_word(words, kNetServeUsage), "strait net serve");
  const auto address = SocketAddress::resolve(place, "strait net serve");
  check_secure(address, "strait net serve", insecure);
  const Interrupts interrupts;
  ProbeServer server(address, "strait net serve", print_line);
  if (insecure) fmt::print(stderr, "WARNING: --insecure: nothing is encrypted or authenticated\n");
  print_line(fmt::format("serves strait net probe on {} until Ctrl+C", server.address().text()));
  server.run(interrupts.file());
  signalfd_siginfo signal{};  // taken, or it would end the program after all
  std::ignore = ::read(interrupts.file(), &signal, sizeof signal);
  return 0;
}

}  // namespace strait
