// ProbeServer: the other end of strait net probe. Serves one machine at a time, on at most
// kMostProbeConnections, each for a bounded time and number of bytes. Whoever does not begin as a
// probe does, or is silent for five seconds before it has, is cut off; more connections wait.
//
// A thread per connection; `run` is the caller's.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "apps/probing/real/probe_protocol.h"
#include "apps/probing/real/probe_socket.h"
#include "core/base/wall_clock.h"

namespace strait {

class ProbeServer {
 public:
  /// Listens. `say` hears a line about each probe when it is over, from any thread, one at a time.
  /// UserError, which begins with `where`, if one cannot listen there.
  ProbeServer(const SocketAddress& at, const std::string& where,
              std::function<void(const std::string&)> say);
  ~ProbeServer();
  ProbeServer(const ProbeServer&) = delete;
  ProbeServer& operator=(const ProbeServer&) = delete;

  SocketAddress address() const { return listener_.local(); }

  /// Serves until `stop`, a descriptor, can be read; then nobody is served any more.
  void run(int stop);

 private:
  struct Connection {
    ProbeSocket socket;
    std::atomic<bool> over = false;
    std::thread thread{};
  };

  /// Whom we measure, and what has passed.
  struct Guest {
    std::string host;
    int connections = 0;
    WallTimer since;
    Bytes received = 0, sent = 0;
  };

  void take_connections();
  void forget_those_that_are_over();
  void serve(const ProbeSocket& socket);
  void serve_request(const ProbeSocket& socket, const ProbeRequest& request);
  bool welcome(const std::string& host);
  void count(Bytes received, Bytes sent);
  void goodbye();

  ProbeSocket listener_;
  std::function<void(const std::string&)> say_;
  std::list<Connection> connections_;
  std::mutex mutex_;  // of guest_ and say_
  Guest guest_;
};

}  // namespace strait
