// What one transport carries to another over a link, one way and without a pause, and over how many
// connections, which it finds itself: messages of 1 MiB, eight of them under way. For one_way.sh.
//
//   one_way_rank --rank 0|1 --dir FOLDER --host ADDRESS [--seconds 60] [--congestion cubic]
//                [--connections 0]
//
// Rank 1 sends to rank 0, whose address it finds in the folder, and prints a line per second: the
// second, the payload bytes acknowledged in it, the connections open and in use, and the bytes sent
// again since the beginning.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <thread>

#include "core/base/async.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/comm/transport.h"
#include "core/io/socket_network.h"
#include "core/io/uv_loop.h"

namespace strait {
namespace {

constexpr Bytes kMessage = 1 << 20;
constexpr int kUnderWay = 8;

struct Options {
  int rank = 0;
  std::string dir, host, congestion;
  int connections = 0;
  std::int64_t seconds = 60;
};

Options parse(int argc, char** argv) {
  std::map<std::string, std::string> given = {{"--rank", "0"},     {"--dir", ""},
                                              {"--host", ""},      {"--congestion", "cubic"},
                                              {"--seconds", "60"}, {"--connections", "0"}};
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto key = given.find(argv[i]);
    if (key == given.end()) throw UserError(fmt::format("unknown argument '{}'", argv[i]));
    key->second = argv[i + 1];
  }
  if (given["--dir"].empty() || given["--host"].empty()) throw UserError("--dir or --host missing");
  return {.rank = std::stoi(given["--rank"]),
          .dir = given["--dir"],
          .host = given["--host"],
          .congestion = given["--congestion"],
          .connections = std::stoi(given["--connections"]),
          .seconds = std::stoll(given["--seconds"])};
}

class OneWay {
 public:
  explicit OneWay(const Options& options)
      : options_(options),
        loop_({.max_lateness = kNever, .as_it_comes = true}),
        network_(loop_, peer_of(options.rank), {.congestion = options.congestion}, own(options),
                 "--host"),
        transport_(
            loop_, network_, ledger_, trace_,
            {.self = peer_of(options.rank), .run_id = 1, .data_connections = options.connections}) {
  }

  void run() {
    transport_.connect({peer_of(0), peer_of(1)});
    const std::string file = options_.dir + "/address";
    if (options_.rank == 0) {
      write_file_atomically(file, network_.address().text());
    } else {
      while (!std::filesystem::exists(file)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      network_.know(peer_of(0),
                    {SocketAddress::resolve(parse_host_port(read_file(file), file), file)});
    }
    for (int line = 0; line < kUnderWay; ++line) {
      scope_.spawn(options_.rank == 0 ? receive(line) : send(line));
    }
    loop_.start_clock();
    if (options_.rank == 1) tick();
    const std::int64_t longer = options_.rank == 0 ? 3 : 0;  // than the sender
    loop_.at(std::chrono::seconds(options_.seconds + longer), [this] { loop_.stop(); });
    loop_.run();
  }

 private:
  static SocketAddress own(const Options& options) {
    return SocketAddress::resolve({.host = options.host}, "--host");
  }

  static Tag tag(std::uint64_t number) {
    return make_tag({.plane = TagPlane::kContribution,
                     .round = number / kMostPieces,
                     .piece = number % kMostPieces});
  }

  Async<Done> send(int line) {
    for (auto number = static_cast<std::uint64_t>(line);; number += kUnderWay) {
      Pending<Outcome<Done>> sent =
          transport_.send({.to = peer_of(0), .tag = tag(number), .cause = Cause::kPayload},
                          make_message(std::vector<std::byte>(kMessage)));
      const Outcome<Done> outcome = co_await sent;
      if (!outcome.ok()) throw std::runtime_error(outcome.failure().what);
    }
  }

  Async<Done> receive(int line) {
    for (auto number = static_cast<std::uint64_t>(line);; number += kUnderWay) {
      Pending<Outcome<Slice>> coming = transport_.receive(peer_of(1), tag(number), kMessage);
      const Outcome<Slice> message = co_await coming;
      if (!message.ok()) co_return Done{};  // the sender has ended
    }
  }

  void tick() {
    if (const auto figures = transport_.figures(peer_of(0))) {
      const auto use = transport_.connections(peer_of(0));
      fmt::print("{:.0f} {} {} {} {}\n", seconds(loop_.now()), figures->acked - acked_, use.open,
                 use.used, figures->sent_again);
      std::fflush(stdout);
      acked_ = figures->acked;
    }
    loop_.at(loop_.now() + std::chrono::seconds(1), [this] { tick(); });
  }

  const Options options_;
  Trace trace_;
  Ledger ledger_;
  UvLoop loop_;
  SocketNetwork network_;
  Transport transport_;
  Bytes acked_ = 0;
  Scope scope_;
};

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  try {
    strait::OneWay(strait::parse(argc, argv)).run();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "one_way_rank: {}\n", error.what());
    return 1;
  }
}
