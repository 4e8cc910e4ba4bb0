#include <fmt/format.h>

#include <algorithm>

#include "backends/tcp/join_stream.h"

namespace strait {

namespace {

constexpr Nanos kFirstRedial{100'000'000};
constexpr Nanos kLastRedial{2'000'000'000};

}  // namespace

struct JoinLine::State : std::enable_shared_from_this<JoinLine::State> {
  State(UvLoop& l, SocketNetwork& n, Options o)
      : loop(l),
        network(n),
        options(std::move(o)),
        coordinator(SocketAddress::resolve(options.coordinator, "strait join")) {
    // Others get numbers: looking a name up would hold up the coordinator's loop.
    if (!options.advertise.host.empty()) {
      options.advertise.host = SocketAddress::resolve(options.advertise, "--advertise").host();
    }
  }

  void connect();
  void lost();
  void on(const BookMessage& book);
  void on(const ReachedMessage& reached);
  void on(const CallMessage& call) { network.return_call(call.peer, call.call); }
  void on(const RefusedMessage& refused) {
    if (options.refused) options.refused(refused.why);
  }
  template <class Other>
  void on(const Other&) {}

  UvLoop& loop;
  SocketNetwork& network;
  Options options;
  const SocketAddress coordinator;
  std::unique_ptr<JoinStream> stream;
  Nanos redial{kFirstRedial};
  bool told = false;
};

JoinLine::JoinLine(UvLoop& loop, SocketNetwork& network, Options options)
    : state_(std::make_shared<State>(loop, network, std::move(options))) {
  network.answer_knocks(state_->options.place.incarnation);
  network.know(PeerId::kCoordinator, {state_->coordinator});
  network.call_me([state = std::weak_ptr(state_)](PeerId peer, std::uint64_t call) {
    const auto line = state.lock();
    if (line && line->stream) line->stream->say(CallMessage{peer, call});
  });
  state_->connect();
}

JoinLine::~JoinLine() = default;

void JoinLine::State::connect() {
  auto socket = std::make_unique<SocketStream>(loop, SocketOptions{}, Plane::kControl);
  socket->connect(coordinator, {.purpose = Preamble::Purpose::kJoin,
                                .plane = Plane::kControl,
                                .from = peer_of(options.place.island)});
  stream = std::make_unique<JoinStream>(
      std::move(socket), kLongestJoinFrame,
      [this](JoinMessage& message) {
        redial = kFirstRedial;
        std::visit([&](const auto& m) { on(m); }, message);
      },
      [this](const Failure&) { lost(); });
  const HostPort& shown = options.advertise;
  stream->say(RegisterMessage{.run_id = options.place.run_id,
                              .island = options.place.island,
                              .incarnation = options.place.incarnation,
                              .host = shown.host,
                              .port = shown.port != 0 ? shown.port : network.address().port()});
}

void JoinLine::State::lost() {
  loop.post([kept = std::shared_ptr<JoinStream>(std::move(stream))] {});
  loop.at(loop.now() + redial, [state = weak_from_this()] {
    if (const auto line = state.lock()) line->connect();
  });
  redial = std::min(2 * redial, kLastRedial);
}

void JoinLine::State::on(const BookMessage& book) {
  SocketAddress address = SocketAddress::resolve({book.host, book.port}, "rendezvous");
  network.know(book.peer, {address, book.takes_calls});
}

void JoinLine::State::on(const ReachedMessage& reached) {
  if (std::exchange(told, true) || !options.say || reached.reached) return;
  options.say(fmt::format("cannot be dialled at {}: all connections are made from here; open the "
                          "port, or --advertise where it is reached, for others to do so",
                          reached.where));
}

}  // namespace strait
