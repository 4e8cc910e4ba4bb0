#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "backends/tcp/join_stream.h"
#include "core/base/errors.h"

namespace strait {

namespace {

constexpr Nanos kReserved{15'000'000'000};  // between asking for a place and registering
constexpr Nanos kKnockTime{3'000'000'000};

/// Asks whether an island is behind an address.
class Knock final : public StreamEvents {
 public:
  Knock(UvLoop& loop, const SocketAddress& to, PeerId peer, std::uint64_t life,
        std::function<void(bool)> answer)
      : loop_(loop), stream_(loop, {}, Plane::kControl), answer_(std::move(answer)) {
    stream_.listen(*this);
    stream_.connect(to, {.purpose = Preamble::Purpose::kKnock, .from = peer, .call = life});
    timer_ = loop.at(loop.now() + kKnockTime, [this] { tell(false); });
  }
  ~Knock() override { loop_.cancel(timer_); }
  Knock(const Knock&) = delete;
  Knock& operator=(const Knock&) = delete;

 private:
  void arrived(Slice) override { tell(true); }
  void writable() override {}
  void closed(Failure) override { tell(false); }
  void tell(bool here) {
    loop_.cancel(timer_);
    if (auto answer = std::exchange(answer_, nullptr)) answer(here);
  }

  UvLoop& loop_;
  SocketStream stream_;
  std::function<void(bool)> answer_;
  TimerId timer_;
};

}  // namespace

struct JoinDesk::State : std::enable_shared_from_this<JoinDesk::State> {
  struct Line {
    std::unique_ptr<JoinStream> stream;
    std::optional<IslandId> island;  // that has registered over it
  };
  struct Place {
    Line* line = nullptr;  // open, of the life that has registered last
    std::uint64_t life = 0;
    Nanos reserved_until{0};
    std::optional<BookMessage> entry;  // once we have knocked
    std::unique_ptr<Knock> knock;
  };

  State(UvLoop& l, SocketNetwork& n, Options o)
      : loop(l), network(n), options(std::move(o)), places(static_cast<std::size_t>(options.islands)) {}

  void accept(std::unique_ptr<SocketStream> stream);
  void close(Line& line);
  void refuse(Line& line, const std::string& why);
  void hear(Line& line, JoinMessage& message);
  void on(Line& line, const AskMessage& ask);
  void on(Line& line, const RegisterMessage& here);
  void on(Line& line, const CallMessage& call);
  template <class Other>
  void on(Line& line, const Other&) {
    close(line);
  }
  void reached(IslandId island, const SocketAddress& address, bool takes_calls);
  std::optional<IslandId> place_for(IslandId wanted, std::string& why);
  bool free(const Place& place) const {
    return place.line == nullptr && place.reserved_until <= loop.now();
  }
  void say(const std::string& line) const {
    if (options.say) options.say(line);
  }
  template <class T>
  void let_go_later(std::unique_ptr<T> object) {
    loop.post([kept = std::shared_ptr<T>(std::move(object))] {});
  }

  UvLoop& loop;
  SocketNetwork& network;
  const Options options;
  std::vector<Place> places;
  std::vector<std::unique_ptr<Line>> lines;
};

JoinDesk::JoinDesk(UvLoop& loop, SocketNetwork& network, Options options)
    : state_(std::make_shared<State>(loop, network, std::move(options))) {
  network.serve_joins([state = std::weak_ptr(state_)](std::unique_ptr<SocketStream> stream) {
    if (const auto desk = state.lock()) desk->accept(std::move(stream));
  });
}

JoinDesk::~JoinDesk() = default;

void JoinDesk::State::accept(std::unique_ptr<SocketStream> stream) {
  Line& line = *lines.emplace_back(std::make_unique<Line>());
  line.stream = std::make_unique<JoinStream>(
      std::move(stream), kLongestFromIslands, [this, &line](JoinMessage& m) { hear(line, m); },
      [this, &line](const Failure&) { close(line); });
}

void JoinDesk::State::close(Line& line) {
  for (Place& place : places) {
    if (place.line == &line) place.line = nullptr;
  }
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [&](const auto& l) { return l.get() == &line; });
  if (found == lines.end()) return;
  let_go_later(std::move(*found));
  lines.erase(found);
}

/// It reads why and closes.
void JoinDesk::State::refuse(Line& line, const std::string& why) {
  line.stream->say(RefusedMessage{why});
}

void JoinDesk::State::hear(Line& line, JoinMessage& message) {
  std::visit([&](auto& m) { on(line, m); }, message);
}

std::optional<IslandId> JoinDesk::State::place_for(IslandId wanted, std::string& why) {
  if (wanted < 0) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (free(places[i])) return static_cast<IslandId>(i);
    }
    why = fmt::format("all {} places are taken; run.islands says how many there may be",
                      places.size());
    return std::nullopt;
  }
  const auto n = static_cast<std::size_t>(wanted);
  if (n >= places.size()) {
    why = fmt::format("island {} is none of 0 to {}; run.islands says how many there may be",
                      wanted, places.size() - 1);
    return std::nullopt;
  }
  if (free(places[n])) return wanted;
  why = places[n].line != nullptr
            ? fmt::format("island {} is taken by {}, which is still connected; take another number, "
                          "or end that process",
                          wanted, places[n].line->stream->other_side().host())
            : fmt::format("island {} has just been given to somebody else; two islands cannot have "
                          "one number",
                          wanted);
  return std::nullopt;
}

void JoinDesk::State::on(Line& line, const AskMessage& ask) {
  if (ask.version != kProtocolVersion) {
    return refuse(line, fmt::format("it speaks protocol version {}, this program version {}; use "
                                    "the same program on all machines",
                                    kProtocolVersion, ask.version));
  }
  std::string why;
  const auto island = place_for(ask.island, why);
  if (!island) return refuse(line, why);
  Place& place = places[static_cast<std::size_t>(*island)];
  place.reserved_until = loop.now() + kReserved;
  const std::uint64_t life = options.new_incarnation();
  line.stream->say(PlaceMessage{{.run_id = options.run_id,
                                 .island = *island,
                                 .islands = options.islands,
                                 .incarnation = life,
                                 .joins = options.joins && options.joins(*island),
                                 .scenario = options.scenario,
                                 .settings = options.settings}});
}

void JoinDesk::State::on(Line& line, const RegisterMessage& here) {
  const bool ours = here.version == kProtocolVersion && here.run_id == options.run_id &&
                    here.island >= 0 && here.island < options.islands;
  if (!ours) {
    return refuse(line, fmt::format("the run that was here is another one now ({:x})",
                                    options.run_id));
  }
  Place& place = places[static_cast<std::size_t>(here.island)];
  if (here.incarnation < place.life) {
    return refuse(line, fmt::format("island {} has been taken over by a newer process", here.island));
  }
  SocketAddress address = line.stream->other_side();
  try {
    if (!here.host.empty()) address = SocketAddress::resolve({here.host, here.port}, "advertise");
  } catch (const UserError& error) {
    return refuse(line, error.what());
  }
  address.set_port(here.port);
  line.island = here.island;
  place.line = &line;
  place.life = here.incarnation;
  place.reserved_until = Nanos{0};
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].entry && static_cast<IslandId>(i) != here.island) {
      line.stream->say(*places[i].entry);
    }
  }
  if (place.knock) let_go_later(std::move(place.knock));
  place.knock = std::make_unique<Knock>(
      loop, address, peer_of(here.island), here.incarnation,
      [this, island = here.island, address](bool yes) { reached(island, address, yes); });
}

/// We have knocked at the island's address.
void JoinDesk::State::reached(IslandId island, const SocketAddress& address, bool takes_calls) {
  Place& place = places[static_cast<std::size_t>(island)];
  let_go_later(std::move(place.knock));
  if (place.line == nullptr) return;
  for (std::size_t i = 0; !takes_calls && i < places.size(); ++i) {
    const Place& other = places[i];
    if (&other == &place || !other.entry || other.line == nullptr) continue;
    if (other.entry->takes_calls) continue;
    return refuse(*place.line,
                  fmt::format("islands {} and {} can both not be dialled, so they can never meet; "
                              "open the port of one of them, or --advertise where it is reached",
                              i, island));
  }
  place.entry = BookMessage{.peer = peer_of(island),
                            .host = address.host(),
                            .port = address.port(),
                            .takes_calls = takes_calls};
  place.line->stream->say(ReachedMessage{takes_calls, address.text()});
  say(takes_calls ? fmt::format("island {} is at {}", island, address.text())
                  : fmt::format("island {} is at {}, where it cannot be dialled: it only dials",
                                island, address.text()));
  network.know(peer_of(island), {address, takes_calls});
  for (const auto& line : lines) {
    if (line->island && *line->island != island) line->stream->say(*place.entry);
  }
}

void JoinDesk::State::on(Line& line, const CallMessage& call) {
  const IslandId wanted = island_of(call.peer);
  if (!line.island || wanted < 0 || wanted >= options.islands) return close(line);
  Line* const to = places[static_cast<std::size_t>(wanted)].line;
  if (to != nullptr) to->stream->say(CallMessage{peer_of(*line.island), call.call});
}

}  // namespace strait
