// Rendezvous: how the processes of a real run find each other.
//
// An island asks the coordinator for a place and gets its number and the run's settings; then it
// registers where it listens, and hears where the others are for as long as the run lasts. All over
// the coordinator's one port (Preamble::Purpose::kJoin), in small frames: length (u32), kind (u8),
// fields. The first message names the protocol version, at a place that never moves.
//
// The coordinator dials each island back. One that cannot be dialled is marked so, and whoever wants
// a connection to it asks for it to be dialled from there. Two such islands can never meet.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/io/socket_network.h"

namespace strait {

struct JoinRequest {
  std::optional<IslandId> island;  // none: the first that is free
  std::string program;             // its commit, for messages
};

struct JoinReply {
  std::uint64_t run_id = 0;
  IslandId island = 0;
  int islands = 0;
  std::uint64_t incarnation = 0;  // of this life; larger than all before
  bool joins = false;             // the others have begun without it, or it was there before
  std::string scenario;           // its name
  std::string settings;           // the resolved INI that the coordinator runs
};

/// Blocks. Dials as long as nobody listens there, up to `patience`; then a silence of `silence` is
/// an answer, too. Throws UserError in one line.
JoinReply ask_to_join(const HostPort& coordinator, const JoinRequest& request, Nanos patience,
                      Nanos silence = Nanos{10'000'000'000});

/// At the coordinator, on its loop.
class JoinDesk {
 public:
  struct Options {
    std::uint64_t run_id = 0;
    int islands = 1;
    std::string scenario, settings;
    std::function<std::uint64_t()> new_incarnation;  // rises
    std::function<bool(IslandId)> joins;             // see JoinReply
    std::function<void(const std::string&)> say = {};
  };

  /// Both outlive the desk.
  JoinDesk(UvLoop& loop, SocketNetwork& network, Options options);
  ~JoinDesk();
  JoinDesk(const JoinDesk&) = delete;
  JoinDesk& operator=(const JoinDesk&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// At an island, on its loop: registers with the desk, again whenever the connection was lost, and
/// feeds the network's book of addresses.
class JoinLine {
 public:
  struct Options {
    HostPort coordinator;
    JoinReply place;
    /// What others are told; no host: where the coordinator sees us; port 0: our listening one.
    HostPort advertise;
    std::function<void(const std::string&)> say = {};
    std::function<void(const std::string&)> refused = {};  // for good
  };

  JoinLine(UvLoop& loop, SocketNetwork& network, Options options);
  ~JoinLine();
  JoinLine(const JoinLine&) = delete;
  JoinLine& operator=(const JoinLine&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace strait
