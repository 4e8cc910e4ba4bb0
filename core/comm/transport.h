// Transport: messages between islands, over any Network. One implementation, so that what is
// simulated is what ships.
//
//   * Messages of a control tag arrive in order. A data tag names one message at a time: it may be
//     used again once that one has been received. Tags do not block each other: frames of different
//     messages take turns.
//   * Every operation completes exactly once, also when the peer is gone or the transport is
//     closed, and never inside the call that started it.
//   * The transport holds a message's memory until the send completes: when the memory is free, not
//     when the message has arrived. In-process networks pass the memory itself to the receiver.
//   * Small messages go at once. One above eager_limit is announced, and goes when the receiver has
//     asked for it: one round trip more, and nobody stores what nobody wants yet.
//   * Control tags have a connection of their own, so that a large transfer does not delay them.
//
// Sessions: the peer with the higher number dials the lower one (islands dial the coordinator, so
// an island behind NAT can take part). All connections to a peer are one session. When one of them
// is lost the session is over: everything that is pending with this peer fails, nothing is known
// about what did not arrive, and the dialler dials again, sooner first and then every 5 s. What is
// started meanwhile waits for the next session. Watchers hear of sessions; who has something to say
// again says it again. The hello carries the protocol version, the run, the settings, the peer's
// incarnation and the session; a mismatch is refused for good and names the differing key on both
// sides. What belongs to an older session or incarnation is dropped without a word.
//
// Peers that wait for each other in different exchanges would wait for ever. Who has waited for
// `wonder_after` asks; if the other side is elsewhere and waits for us there, the receive fails and
// names both.
//
// Errors are Outcomes: kClosed or kRefused when the session is lost, kMismatch for a peer that
// differs or talks nonsense (for good), kClosed after close(), kCancelled after cancel(). A
// stranger's connection takes nobody down who has had a session.
//
// Connections: data frames go to whichever connection has most room, so the faster ones carry more.
// How many there are is a setting, or found from what they carry (connection_count.h): then each
// side chooses how many of the open ones it sends on, the dialler opens more when either side wants
// them, and those that turn out not to help stay open and unused. What was found outlives the
// session.
//
// Thread: the loop's. Loop, network, ledger and trace outlive the transport. All bytes are counted
// in the ledger as they are offered to a stream: 40 of framing per frame, and what the frame
// carries by its cause.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/async.h"
#include "core/base/trace.h"
#include "core/comm/connection.h"
#include "core/comm/hello.h"
#include "core/comm/inbox.h"
#include "core/comm/ledger.h"
#include "core/comm/stream.h"
#include "core/comm/tags.h"
#include "core/comm/wire.h"

namespace strait {

struct TransportOptions {
  PeerId self{};
  std::uint64_t run_id = 0;
  /// Which life of this peer it is; rises when it starts anew.
  std::uint64_t incarnation = 0;
  std::vector<HelloSetting> settings;
  /// Messages are cut into frames of at most this, so that another message can take its turn.
  Bytes frame_bytes = 256 * 1024;
  /// Longer messages wait until the receiver has asked for them, so that nobody has to store them.
  /// Peers must agree in it.
  Bytes eager_limit = 1024 * 1024;
  /// Connections for data per peer; 0: as many as it takes, up to `most_connections`.
  int data_connections = 1;
  int most_connections = 32;
  /// Goodput is measured over this time, or ten round trips if that is longer.
  Nanos measured_over{1'000'000'000};
  /// After a lost session: the dialler waits this long, then twice as long, up to the second.
  Nanos redial_first{100'000'000};
  Nanos redial_last{5'000'000'000};
  /// A peer whose hello does not fit may come again as another process that does: it is refused,
  /// and nothing else happens. Else it is down for good, if there was no session with it yet.
  bool open_door = false;
  /// Who has waited this long for a message asks the peer whether it is in the same exchange.
  Nanos wonder_after{5'000'000'000};
};

/// Who is told about sessions. Up-calls are events of their own, in the order of what happened.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;

  /// The two can talk; nothing of an earlier session will arrive any more.
  virtual void session_opened(PeerId peer) = 0;

  /// Also when a dial was refused (kRefused).
  virtual void session_lost(PeerId peer, const Failure& failure) = 0;
};

/// Makes messages when their turn to leave has come, so that they are still in the cache when they
/// do and few of them exist at a time.
class MessageMaker {
 public:
  virtual ~MessageMaker() = default;

  /// The message that `raw` stands for. A failure: it is not sent, and its send fails with that. On
  /// the loop, perhaps inside send(); may call cancel_below().
  virtual Outcome<Slice> make(Slice raw) = 0;
};

/// receive() takes a message of any length.
inline constexpr Bytes kAnyLength = -1;

class Transport final : private ConnectionEvents {
 public:
  Transport(Loop& loop, Network& network, Ledger& ledger, Trace& trace, TransportOptions options);
  ~Transport() override;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  PeerId self() const { return options_.self; }
  Loop& loop() { return loop_; }
  /// As the network does: see there.
  bool copies() const { return network_.copies(); }

  /// Names the peers of this run and dials those with lower numbers. Operations may start at once.
  void connect(const std::vector<PeerId>& peers);

  struct Outgoing {
    PeerId to{};
    Tag tag = 0;
    Cause cause = Cause::kControl;
    std::int64_t round = 0;  // for the ledger
  };
  Pending<Outcome<Done>> send(const Outgoing& outgoing, Slice message);

  /// A message of `length` bytes that `maker` makes of `raw`.
  Pending<Outcome<Done>> send(const Outgoing& outgoing, Slice raw, Bytes length,
                              std::shared_ptr<MessageMaker> maker);

  /// The next message of (from, tag). Another length than `length` is a mismatch that names both.
  /// `place` (for a data tag; `length` bytes) is where a network that copies puts it if it has not
  /// begun to arrive; nothing is written there any more when its last reference is gone.
  Pending<Outcome<Slice>> receive(PeerId from, Tag tag, Bytes length,
                                  std::shared_ptr<std::byte> place = nullptr);

  /// All messages of this control plane, whoever sends them, go to `handler` as they arrive, in the
  /// order of each peer. Before the loop runs.
  using Handler = std::function<void(PeerId from, const Slice& message)>;
  void serve(TagPlane plane, Handler handler);

  /// `watcher` outlives the transport or takes itself out. It is told nothing inside this call.
  void watch(SessionWatcher& watcher) { watchers_.push_back(&watcher); }
  void unwatch(SessionWatcher& watcher) { std::erase(watchers_, &watcher); }

  bool connected(PeerId peer) const;

  /// When something of the peer arrived last, on whichever connection.
  Nanos heard(PeerId peer) const;

  /// Which life of the peer the session is with; 0 before the first.
  std::uint64_t incarnation(PeerId peer) const;

  /// Data connections to the peer, and how many of them, the first ones, we send on.
  struct InUse {
    int open = 0;
    int used = 0;
  };
  InUse connections(PeerId peer) const;

  /// Sums over all connections to the peer that there were; the round trips are the shortest.
  /// Nothing where the network knows nothing.
  std::optional<StreamFigures> figures(PeerId peer) const;

  /// A sign of life, behind what waits for the peer on this plane; none if there is no connection.
  void ping(PeerId peer, Plane plane);

  /// Dials a peer that dials us, only to hear whether somebody is still there: watchers hear of a
  /// session_lost (kRefused) if nobody listens.
  void knock(PeerId peer);

  /// Ends the session, as if it had been lost.
  void drop(PeerId peer, const Failure& why);

  /// Gives up the data tags below `floor` of its group (tags.h), with every peer and for good: what
  /// has not left is dropped, what arrives is ignored, and all operations on them fail with
  /// kCancelled, sends when their memory is free.
  void cancel_below(Tag floor);

  /// Resets all connections; everything that is pending fails with kClosed. For good.
  void close();

 private:
  class Knocker;
  struct SendState;
  struct OutMessage;
  using OutQueue = std::deque<OutMessage, PoolAllocator<OutMessage>>;
  struct Peer;
  using Connections = std::vector<std::unique_ptr<Connection>>;

  void knock(PeerId peer, int tries);
  void knock_later(PeerId peer, int tries);
  void accepted(PeerId from, std::unique_ptr<Stream> stream);
  void open_session(Peer& peer);
  void dial(Peer& peer, Plane plane);
  bool is_current(Peer& peer, const Hello& hello);
  void session_stands(Peer& peer);
  std::string why_refused(const Hello& hello) const;
  void refuse(Connection& stranger, const Hello& hello, const std::string& why);

  void greeted(Connection& connection, std::span<const std::byte> hello) override;
  void signalled(Connection& connection, const FrameHeader& header) override;
  std::shared_ptr<std::byte> memory_for(Connection& connection, const FrameHeader& header) override;
  void part_arrived(Connection& connection, const FrameHeader& header, std::uint64_t offset,
                    Slice part) override;
  void writable(Connection& connection) override;
  void lost(Connection& connection, const Failure& failure) override;

  std::optional<Failure> why_not(const Peer& peer, Tag tag) const;
  bool cancelled(Tag tag) const;
  bool is_announced(Tag tag, std::uint64_t bytes) const;
  void enqueue(Peer& peer, OutMessage message);
  void pump(Peer& peer, Plane plane);
  bool make(OutMessage& message);
  bool send_next_frame(Connection& connection, OutMessage& message);
  void offer(Connection& connection, const FrameHeader& header, Slice body, std::int64_t round);
  void signal(Peer& peer, const FrameHeader& header);
  void release(Peer& peer, Tag tag);

  // transport_connections.cc
  std::size_t usable(const Peer& peer, Plane plane) const;
  int takes() const;
  void watch_use(Peer& peer);
  void widen(Peer& peer);
  std::optional<StreamFigures> sum_of(const Peer& peer, Plane plane, std::size_t count) const;

  // transport_diagnosis.cc
  void look_later();
  void look();
  void say_where_we_are(Peer& peer, Tag asked_for);
  void crossed(Peer& peer, Tag ours, Tag theirs);

  IncomingMessage* incoming(Peer& peer, const FrameHeader& header);
  void contradicts(Peer& peer, Tag tag);
  void deliver(Peer& peer, Tag tag);
  Failure wrong_length(const Peer& peer, Tag tag, Bytes asked, std::uint64_t sent) const;

  void end_session(Peer& peer, const Failure& failure);
  void peer_down(Peer& peer, const Failure& failure);
  void tell_watchers(PeerId peer, std::optional<Failure> lost);
  void bury(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> take_stranger(const Connection& connection);
  Peer& peer(PeerId id);
  const Peer& peer(PeerId id) const;
  Peer* find_peer(PeerId id) const;  // null if connect() did not name it
  ConnectionEvents& events() { return *this; }

  Loop& loop_;
  Network& network_;
  Ledger& ledger_;
  Trace& trace_;
  TransportOptions options_;
  std::vector<std::unique_ptr<Peer>> peers_;  // by number; null where connect() named none
  Connections strangers_;  // accepted; the hello is not yet read, or does not fit
  Connections graves_;     // lost; freed by a later event
  std::vector<std::shared_ptr<Knocker>> knockers_;
  BufferPool buffers_;                   // for what arrives, where the network hands over none
  std::map<std::uint64_t, Tag> floors_;  // by group: tags below are cancelled
  std::map<Tag, Handler> handlers_;
  std::vector<SessionWatcher*> watchers_;
  bool closed_ = false;
  bool looks_later_ = false;
  std::shared_ptr<Transport*> alive_;  // events of ours that come too late see null
};

/// A message in memory of its own.
Slice make_message(std::vector<std::byte> bytes);

}  // namespace strait
