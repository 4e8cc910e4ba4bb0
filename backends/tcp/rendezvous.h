// Rendezvous: how the processes of a run find each other, with one address known to all: that of
// the coordinator's port.
//
//   ask_to_join    a new process asks for a place: who am I, and what is run here?
//   JoinLine       at the island: a connection for the whole run, on which it says where it listens
//                  and hears where the others do
//   JoinDesk       at the coordinator: gives places, keeps the book of addresses, tries each
//
// Who can be dialled is tried, not believed: the desk dials what an island says, as the desk sees
// it. An island that cannot be dialled (a firewall, NAT) dials the others, and calls for it pass
// over the desk: "peer 2 wants you to dial it". Two such islands can never meet, so the second is
// refused. The desk may be started anew: lines dial it again, and meanwhile who has met goes on.
//
// Everything is bounded, and a stranger's bytes hurt nobody; but there are no keys: who reaches the
// port may take a place.
//
// Thread: the loop's, but for ask_to_join. Loop and network outlive desk and line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/io/socket_network.h"

namespace strait {

struct JoinRequest {
  std::optional<IslandId> island;  // nothing: any
  std::string program;             // commit, for messages
};

struct JoinReply {
  std::uint64_t run_id = 0;
  IslandId island = 0;
  int islands = 0;
  std::uint64_t incarnation = 0;  // of this life; larger than all before
  bool joins = false;             // the others have begun without it, or it was there before
  std::string scenario;           // its name
  std::string settings;           // the text of the resolved INI that the coordinator runs
  /// Where the coordinator has answered: a host may have several addresses.
  SocketAddress coordinator;
};

inline constexpr std::uint32_t kLongestSettings = 16 << 20;

/// Blocks: dials until `patience` has passed while nobody listens there (the coordinator may start
/// a little later), then asks, and waits while something is heard every `silence`. Any thread.
/// Throws UserError in one line: the host is unknown, nobody listens or answers there, who answers
/// is not Strait or another version of it, or there is no such place.
JoinReply ask_to_join(const HostPort& coordinator, const JoinRequest& request, Nanos patience,
                      Nanos silence = Nanos{10'000'000'000});

class JoinDesk {
 public:
  struct Options {
    std::uint64_t run_id = 0;
    int islands = 1;
    std::string scenario, settings;                  // see JoinReply; up to kLongestSettings
    std::function<std::uint64_t()> new_incarnation;  // rises, over restarts of the desk as well
    std::function<bool(IslandId)> joins;             // see JoinReply
    /// One line for people: "island 2 (10.0.0.5:41023) is here".
    std::function<void(const std::string&)> say = {};
    /// A place that was given, or whose connection is lost, is kept so long.
    Nanos keep{15'000'000'000};
    /// An island that has not answered the desk's dial by then cannot be dialled.
    Nanos knock_timeout{3'000'000'000};
  };

  /// `network` is the coordinator's, which hears of the islands' addresses as well.
  JoinDesk(UvLoop& loop, SocketNetwork& network, Options options);
  ~JoinDesk();
  JoinDesk(const JoinDesk&) = delete;
  JoinDesk& operator=(const JoinDesk&) = delete;

  /// Islands whose connection stands, and whose address has been tried.
  int present() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

class JoinLine {
 public:
  struct Options {
    HostPort coordinator;  // as people write it, for messages; `place` says where it is
    JoinReply place;
    /// Where others reach us. No host: the address that the coordinator sees us at; port 0: our
    /// listening port.
    HostPort advertise;
    std::function<void(const std::string&)> say = {};  // one line for people
    /// The desk does not want us, for good: another run, a newer life, nobody could reach us. Does
    /// not destroy the line.
    std::function<void(const std::string&)> refused = {};
  };

  /// `network` is the island's, whose port is open from now on. Throws UserError if the host to
  /// advertise is unknown.
  JoinLine(UvLoop& loop, SocketNetwork& network, Options options);
  ~JoinLine();
  JoinLine(const JoinLine&) = delete;
  JoinLine& operator=(const JoinLine&) = delete;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace strait
