// What this machine's loopback can carry, for collective_bench.py (command line:
// collective_rank.h): every rank sends the next one what a ring all-reduce would, 2 (k - 1) / k of
// the tensor, and gets as much from the one before at the same time, by plain system calls over TCP
// with CUBIC. Nothing is added up.
//
// --algorithm full (the default) reads the tensor once from front to back and writes another one,
// as any collective has to; hot sends and receives the same 256 KiB again and again, which stay in
// the cache.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "tests/bench/collective_rank.h"

namespace strait {
namespace {

constexpr std::size_t kPiece = 256 << 10;
constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

int good(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void use_cubic(int fd) {
  good(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), "TCP_CONGESTION cubic");
}

struct Neighbours {
  int next = -1;
  int previous = -1;
};

std::string port_file(const RankOptions& options, int rank) {
  return options.dir + "/port-" + std::to_string(rank);
}

Neighbours connect(const RankOptions& options) {
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  const int listener = good(socket(AF_INET, SOCK_STREAM, 0), "socket");
  use_cubic(listener);  // connections inherit it
  good(bind(listener, name, length), "bind");
  good(listen(listener, 1), "listen");
  good(getsockname(listener, name, &length), "getsockname");
  write_file_atomically(port_file(options, options.rank), std::to_string(ntohs(address.sin_port)));

  const std::string next = port_file(options, (options.rank + 1) % options.size);
  while (access(next.c_str(), F_OK) != 0) usleep(1000);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(read_file(next))));
  Neighbours neighbours;
  neighbours.next = good(socket(AF_INET, SOCK_STREAM, 0), "socket");
  use_cubic(neighbours.next);
  good(::connect(neighbours.next, name, length), "connect");
  neighbours.previous = good(accept(listener, nullptr, nullptr), "accept");
  close(listener);
  return neighbours;
}

/// Where byte `done` of the stream lies in `memory`, which is used again and again, and how much
/// may be moved in one go.
template <typename Byte>
std::span<Byte> piece(std::span<Byte> memory, std::size_t done, std::size_t total) {
  const std::size_t at = done % memory.size();
  return memory.subspan(at, std::min({kPiece, memory.size() - at, total - done}));
}

/// One thread does both (one for each direction was no faster), and sleeps when neither gets on.
void exchange(const Neighbours& neighbours, std::span<const std::byte> out, std::span<std::byte> in,
              std::size_t total) {
  std::size_t sent = 0, received = 0;
  while (sent < total || received < total) {
    bool moved = false;
    if (sent < total) {
      const auto part = piece(out, sent, total);
      const ssize_t n = send(neighbours.next, part.data(), part.size(), kFlags);
      if (n < 0 && errno != EAGAIN) good(-1, "send");
      if (n > 0) sent += static_cast<std::size_t>(n), moved = true;
    }
    if (received < total) {
      const auto part = piece(in, received, total);
      const ssize_t n = recv(neighbours.previous, part.data(), part.size(), kFlags);
      if (n == 0) throw std::runtime_error("the rank before has ended");
      if (n < 0 && errno != EAGAIN) good(-1, "recv");
      if (n > 0) received += static_cast<std::size_t>(n), moved = true;
    }
    if (moved) continue;
    pollfd wait[] = {
        {.fd = sent < total ? neighbours.next : -1, .events = POLLOUT, .revents = 0},
        {.fd = received < total ? neighbours.previous : -1, .events = POLLIN, .revents = 0}};
    good(poll(wait, 2, -1), "poll");
  }
}

void run(const RankOptions& options) {
  const bool hot = options.algorithm == "hot";
  if (!hot && !options.algorithm.empty() && options.algorithm != "full") {
    throw UserError("--algorithm: write full or hot");
  }
  const auto bytes = static_cast<std::size_t>(options.bytes);
  const auto size = static_cast<std::size_t>(options.size);
  const std::size_t total = 2 * (size - 1) * bytes / size;
  const Neighbours neighbours = connect(options);
  const std::vector<std::byte> out(hot ? std::min(kPiece, bytes) : bytes, std::byte{1});
  std::vector<std::byte> in(out.size());
  run_repetitions(options, {.prepare = [&] { std::fill(in.begin(), in.end(), std::byte{}); },
                            .run = [&] { exchange(neighbours, out, in, total); },
                            .check =
                                [&] {
                                  if (in != out) throw std::runtime_error("other bytes came");
                                }});
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) { return strait::rank_main(argc, argv, strait::run); }
