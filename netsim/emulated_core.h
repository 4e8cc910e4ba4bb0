// The inside of EmulatedNetwork: connections, and up-calls as events of their own.
//
// A call from above (dial, offer, a stream's end) tells the link model and asks for a look at it
// later in the same instant; so the links are shared anew once per instant, however many calls it
// has. The model's events become up-calls, which are made after the model has finished.
//
// Shared between the network, its streams and what it has put on the loop, so that none of these
// has to outlive another. Thread: the loop's.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/fifo.h"
#include "netsim/background.h"
#include "netsim/emulated_network.h"
#include "netsim/playback.h"

namespace strait {

class EmulatedCore : public LinkSink, public std::enable_shared_from_this<EmulatedCore> {
 public:
  /// What was offered as one and is on its way, with the payload of its direction up to its end.
  struct Offered {
    Slice head, body;
    Bytes end = 0;
  };

  /// Something to tell one end.
  struct UpCall {
    enum class Kind : std::uint8_t { kAccept, kArrived, kWritable, kRefused, kReset };
    Kind kind{};
    Slice head{}, body{};

    bool closes() const { return kind == Kind::kRefused || kind == Kind::kReset; }
  };

  enum class Life { kNotYet, kAlive, kGone };

  /// One end of a connection, and what it sends.
  struct End {
    PeerId peer{};
    FlowId flow{};                   // away from this end
    StreamEvents* events = nullptr;  // until the stream is gone or has heard closed()
    Life life = Life::kNotYet;       // of the stream object
    bool full = false;               // room() was not positive
    Bytes offered = 0;
    Bytes departed = 0;
    Fifo<Offered> under_way;  // offered, not yet arrived
    Fifo<UpCall> held;        // up-calls that wait for the end of a pause
  };

  struct Connection {
    std::array<End, 2> ends;  // the dialing one first
    Links::Connection flows;
    bool opened = false;     // the handshake is over
    bool refused = false;    // nobody listened
    bool forgotten = false;  // the model does not know it any more
  };
  using Shared = std::shared_ptr<Connection>;

  EmulatedCore(Loop& loop, Trace& trace, const NetworkDescription& description,
               const EmulatedOptions& options);

  /// Puts on the loop what the description says will happen to links and islands. Killing, leaving
  /// and joining are others' business.
  void start(const std::vector<NetworkEvent>& events);
  /// The network is gone: streams are dead, timers do nothing.
  void stop();

  void listen(PeerId peer, Network::Accept accept);
  std::unique_ptr<Stream> dial(PeerId from, PeerId to);
  void offer(const Shared& connection, std::size_t side, Slice head, Slice body);
  void destroyed(const Shared& connection, std::size_t side);
  void kill(PeerId peer);
  void silence(PeerId peer, Nanos until);
  Bytes room(const End& end) const { return options_.send_buffer - (end.offered - end.departed); }

  std::optional<StreamFigures> figures(const Shared& connection, std::size_t side) const;

  const PauseSchedule& pauses(PeerId peer) const { return peer_state(peer).pauses; }
  std::vector<LinkRow> link_table() const;
  const Links& model() const { return *model_; }

 private:
  struct Peer {
    std::size_t place = 0;
    Network::Accept accept;
    PauseSchedule pauses;
    Nanos silent_until{0};
    bool silent = false;
  };

  /// A link, beside what the model knows of it.
  struct LinkState {
    std::string name;
    BytesPerSecond rate{};  // as configured
    int outages = 0;        // events and random outages that hold it down
  };

  struct FlowEnd {
    Shared connection;
    std::size_t side = 0;
  };

  struct Waiting {
    Shared connection;
    std::size_t side;
    UpCall call;
  };

  bool others(FlowId flow) const;
  void opened(FlowId flow, Nanos time) override;
  void departed(FlowId flow, Bytes payload, Nanos time) override;
  void arrived(FlowId flow, Bytes payload, Nanos time) override;
  void closed(FlowId flow, Nanos time) override;

  const Peer& peer_state(PeerId peer) const;
  Peer& peer_state(PeerId peer);
  const std::vector<LinkId>& path(PeerId from, PeerId to) const;
  std::uint64_t next_key(PeerId from, PeerId to);
  std::vector<Shared> connections_of(PeerId peer) const;
  void start_pauses(const std::vector<NetworkEvent>& events);
  void apply(const NetworkEvent& event);
  void play();
  void apply(const LinkChange& change);
  void set_up(int link, bool up, bool drawn);
  void end_silence(PeerId peer);
  bool enter();
  /// The loop's time, or the model's, which is ahead where the loop has ended early.
  Nanos now() const { return std::max(loop_->now(), model_->now()); }
  void look_soon();
  void look();
  void set_timer();
  void call_up_later();
  void make_up_calls();
  void deliver(Waiting waiting);
  Nanos hears_at(PeerId peer) const;
  void hold_until(Nanos resume, const Shared& connection, std::size_t side);
  void release_held(const Shared& connection, std::size_t side);
  void make(const Shared& connection, std::size_t side, UpCall call);
  void forget(Connection& connection);
  void tell(const Shared& connection, std::size_t side, UpCall call);
  void record(TraceKind kind, Nanos time, const Connection& connection, std::size_t side,
              Bytes bytes);

  Loop* loop_;  // null once the network is gone
  Trace& trace_;
  EmulatedOptions options_;
  std::unique_ptr<Links> model_;
  LinkPlayback playback_;
  BackgroundTraffic background_;
  std::vector<LinkState> links_;
  std::size_t places_;
  std::vector<std::vector<LinkId>> paths_;  // [from * places_ + to]
  std::vector<Peer> peers_;
  std::vector<FlowEnd> flow_ends_;                            // by flow: who sends on it
  std::map<std::pair<PeerId, PeerId>, std::uint64_t> dials_;  // how many so far
  std::vector<Waiting> waiting_;                              // up-calls of this instant
  TimerId timer_ = TimerId::kNone;
  Nanos timer_time_ = kNever;
  bool looks_soon_ = false;
};

}  // namespace strait
