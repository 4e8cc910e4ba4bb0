#include "apps/probing/real/probe_server.h"

#include <fmt/format.h>
#include <poll.h>

#include <exception>
#include <system_error>

#include "apps/output/human.h"
#include "apps/probing/real/transfer.h"
#include "core/io/priority.h"

namespace strait {
namespace {

// How often those that are over are looked for, while nobody comes.
constexpr int kLookMillis = 500;
// An echo is the connection that a probe keeps, and asks at least once per transfer.
constexpr Nanos kEchoSilence{2 * kMostProbeTime + kProbeStalled};
constexpr double kMostEchoSeconds = 3600;

std::string host_of(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

/// Returns the bytes.
Bytes echo_until_the_end(const ProbeSocket& socket) {
  socket.set_patience(kEchoSilence);
  std::array<std::byte, 64> bytes{};
  const RaisedPriority priority;  // an answer that waits for a processor is no round trip
  const WallTimer since;
  Bytes total = 0;
  while (since.seconds() < kMostEchoSeconds) {
    const std::size_t count = socket.receive_some(bytes);
    if (count == 0) break;
    socket.send_all(std::span(bytes).first(count));
    total += static_cast<Bytes>(count);
  }
  return total;
}

}  // namespace

ProbeServer::ProbeServer(const SocketAddress& at, const std::string& where,
                         std::function<void(const std::string&)> say)
    : listener_(ProbeSocket::listen(at, where)), say_(std::move(say)) {}

ProbeServer::~ProbeServer() {
  for (Connection& connection : connections_) connection.socket.interrupt();
  for (Connection& connection : connections_) connection.thread.join();
}

void ProbeServer::run(int stop) {
  std::array<pollfd, 2> waits{pollfd{stop, POLLIN, 0}, pollfd{-1, POLLIN, 0}};
  for (;;) {
    const bool full = connections_.size() == kMostProbeConnections;
    waits[1].fd = full ? -1 : listener_.fd();
    ::poll(waits.data(), waits.size(), kLookMillis);
    if (waits[0].revents != 0) return;
    forget_those_that_are_over();
    take_connections();
  }
}

void ProbeServer::take_connections() {
  while (connections_.size() < kMostProbeConnections) {
    ProbeSocket socket = listener_.accept();
    if (!socket) return;
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    try {
      connection.thread = std::thread([this, &connection] {
        serve(connection.socket);
        connection.socket.interrupt();
        connection.over = true;
      });
    } catch (const std::system_error&) {  // no more threads: whoever it is has to come again
      connections_.pop_back();
      return;
    }
  }
}

void ProbeServer::forget_those_that_are_over() {
  connections_.remove_if([](Connection& connection) {
    if (!connection.over) return false;
    connection.thread.join();
    return true;
  });
}

/// What fails here concerns this connection only: the other end sees it closed.
void ProbeServer::serve(const ProbeSocket& socket) {
  try {
    std::array<std::byte, kProbeRequestBytes> bytes{};
    if (socket.receive_all(bytes) < bytes.size()) return;
    const ReadRequest read = read_request(bytes);
    if (read.stranger) return;
    if (read.refusal) return socket.send_all(pack(*read.refusal));
    if (!welcome(host_of(socket.peer()))) return socket.send_all(pack(ProbeReply::kBusy));
    try {
      serve_request(socket, read.request);
    } catch (const std::exception&) {
    }
    goodbye();
  } catch (const std::exception&) {
  }
}

void ProbeServer::serve_request(const ProbeSocket& socket, const ProbeRequest& request) {
  if (request.kind != ProbeKind::kEcho && !socket.set_congestion(name_of(request.congestion))) {
    return socket.send_all(pack(ProbeReply::kNoCongestion));
  }
  socket.send_all(pack(ProbeReply::kGo));
  switch (request.kind) {
    case ProbeKind::kEcho: {
      const Bytes bytes = echo_until_the_end(socket);
      return count(bytes, bytes);
    }
    case ProbeKind::kUpload: {
      const Bytes bytes = receive_to_end(socket).total;
      return count(bytes, 0);
    }
    case ProbeKind::kDownload: {
      if (request.pacing.value > 0) socket.set_pacing(request.pacing);
      const SenderFigures figures = send_for(socket, request.time);
      count(0, figures.payload);
      socket.send_all(pack(figures));
      return socket.end();
    }
  }
}

bool ProbeServer::welcome(const std::string& host) {
  const std::lock_guard lock(mutex_);
  if (guest_.connections > 0 && guest_.host != host) return false;
  if (guest_.connections++ == 0) guest_ = {.host = host, .connections = 1};
  return true;
}

void ProbeServer::count(Bytes received, Bytes sent) {
  const std::lock_guard lock(mutex_);
  guest_.received += received;
  guest_.sent += sent;
}

void ProbeServer::goodbye() {
  const std::lock_guard lock(mutex_);
  if (--guest_.connections > 0) return;
  say_(fmt::format("{}: probed for {:.0f} s, {} received, {} sent", guest_.host,
                   guest_.since.seconds(), human_bytes(guest_.received), human_bytes(guest_.sent)));
}

}  // namespace strait
