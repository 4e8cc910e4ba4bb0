#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

#include "backends/tcp/rendezvous.h"
#include "backends/tcp/rendezvous_channel.h"
#include "backends/tcp/rendezvous_knock.h"
#include "core/base/check.h"
#include "core/base/quantities.h"
#include "core/base/text.h"

namespace strait {

namespace {

using namespace rendezvous;

constexpr Nanos kToSpeak{10'000'000'000};  // of a stranger, to say what it wants
constexpr Nanos kToRead{120'000'000'000};  // of who was answered, to read it and close
constexpr std::size_t kMostStrangers = 256;

}  // namespace

class JoinDesk::State {
 public:
  State(UvLoop& loop, SocketNetwork& network, Options options)
      : loop_(loop),
        network_(network),
        options_(std::move(options)),
        seats_(static_cast<std::size_t>(options_.islands)),
        begin_(loop.now()) {
    network_.serve_joins([this](auto stream) { accept(std::move(stream)); });
    network_.call_me(
        [this](PeerId peer, std::uint64_t number) { pass_on(PeerId::kCoordinator, peer, number); });
  }
  ~State() {
    network_.serve_joins(nullptr);
    network_.call_me(nullptr);
    for (Visitor& visitor : visitors_) loop_.cancel(visitor.deadline);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  int present() const {
    return static_cast<int>(std::count_if(seats_.begin(), seats_.end(), [](const Seat& s) {
      return s.line != nullptr && s.line->is_known;
    }));
  }

 private:
  /// A connection.
  struct Visitor {
    std::optional<Channel> channel;
    TimerId deadline = TimerId::kNone;
    IslandId island = -1;  // whose place it was given, or holds
    bool is_line = false;  // has said where its island is:
    Here here;
    std::unique_ptr<Knock> knock;
    bool was_answered = false;  // an asker, or refused: only its end may come
    bool is_known = false;      // a line whose address was tried
  };

  /// The place of an island.
  struct Seat {
    Visitor* asker = nullptr;  // was given it, and has not closed its connection
    Visitor* line = nullptr;   // is here
    Nanos given_until{0};      // kept for who asked
    Nanos kept_until{0};       // for who was here, against who has no number of its own
    std::uint64_t incarnation = 0;
    std::string who;            // asked, or was here last
    std::optional<Entry> book;  // since it was here
  };

  void accept(std::unique_ptr<SocketStream> stream);
  void heard(Visitor& visitor, std::span<const std::byte> bytes);
  void asks(Visitor& visitor, const Ask& ask);
  void arrives(Visitor& visitor, const Here& here);
  void knocked(Visitor& visitor, const std::optional<Failure>& failure);
  void pass_on(PeerId from, PeerId to, std::uint64_t call);

  std::string why_not(IslandId island) const;
  std::string why_not(const Here& here) const;
  std::string all_taken() const;
  std::optional<IslandId> free_place() const;
  bool may_come_back(IslandId island) const;
  std::optional<IslandId> other_that_only_dials(IslandId island) const;

  void answer(Visitor& visitor, const FromDesk& message);
  void refuse(Visitor& visitor, const std::string& why);
  void leave(Visitor& visitor);
  void let_go(Visitor& visitor);
  void set_deadline(Visitor& visitor, Nanos time);
  void say(const std::string& line) const {
    if (options_.say) options_.say(line);
  }
  Seat& seat(IslandId island) { return seats_[static_cast<std::size_t>(island)]; }
  const Seat& seat(IslandId island) const { return seats_[static_cast<std::size_t>(island)]; }
  bool is_place(IslandId island) const { return island >= 0 && island < options_.islands; }
  SocketAddress address_of(const Visitor& visitor, const HostPort& at) const;

  UvLoop& loop_;
  SocketNetwork& network_;
  const Options options_;
  std::vector<Seat> seats_;
  const Nanos begin_;
  std::list<Visitor> visitors_;
};

// ---------------------------------------------------------------------------------------------
// Connections

void JoinDesk::State::accept(std::unique_ptr<SocketStream> stream) {
  if (visitors_.size() >= 2 * seats_.size() + kMostStrangers) return;
  Visitor& visitor = visitors_.emplace_back();
  visitor.channel.emplace(
      std::move(stream), kLongestToDesk,
      Channel::Events{.heard = [this, &visitor](auto bytes) { heard(visitor, bytes); },
                      .lost = [this, &visitor](const Failure&) { let_go(visitor); }});
  set_deadline(visitor, kToSpeak);
}

void JoinDesk::State::set_deadline(Visitor& visitor, Nanos time) {
  loop_.cancel(visitor.deadline);
  visitor.deadline = loop_.at(loop_.now() + time, [this, &visitor] { let_go(visitor); });
}

/// What a stranger says is not worth a line.
void JoinDesk::State::heard(Visitor& visitor, std::span<const std::byte> bytes) {
  const auto version = version_of(bytes);
  if (version && *version != kProtocolVersion && !visitor.was_answered) {
    return refuse(visitor, fmt::format("speaks protocol version {}, the coordinator version {}",
                                       *version, kProtocolVersion));
  }
  const auto message = unpack_to_desk(bytes);
  if (!message || visitor.was_answered) return let_go(visitor);
  if (const Call* call = std::get_if<Call>(&*message); call != nullptr && visitor.is_line) {
    return pass_on(peer_of(visitor.island), call->peer, call->call);
  }
  if (visitor.is_line) return let_go(visitor);
  if (const Ask* ask = std::get_if<Ask>(&*message)) return asks(visitor, *ask);
  if (const Here* here = std::get_if<Here>(&*message)) return arrives(visitor, *here);
  let_go(visitor);
}

void JoinDesk::State::answer(Visitor& visitor, const FromDesk& message) {
  visitor.was_answered = true;
  visitor.channel->send(pack(message));
  set_deadline(visitor, kToRead);
}

/// It closes the connection when it has read why.
void JoinDesk::State::refuse(Visitor& visitor, const std::string& why) {
  say(fmt::format("{} is refused: {}", visitor.channel->other_side().text(), why));
  leave(visitor);
  answer(visitor, Refused{why});
}

/// Its place is kept for a while.
void JoinDesk::State::leave(Visitor& visitor) {
  visitor.knock.reset();
  const IslandId island = std::exchange(visitor.island, -1);
  if (island < 0) return;
  Seat& s = seat(island);
  if (s.asker == &visitor) {
    s.asker = nullptr;
    s.given_until = loop_.now() + options_.keep;
  }
  if (s.line == &visitor) {
    s.line = nullptr;
    s.kept_until = loop_.now() + options_.keep;
  }
}

void JoinDesk::State::let_go(Visitor& visitor) {
  if (visitor.is_known)
    say(fmt::format("island {} is gone: its connection is closed", visitor.island));
  leave(visitor);
  visitor.channel->mute();
  loop_.cancel(std::exchange(visitor.deadline, TimerId::kNone));
  const auto found = std::find_if(visitors_.begin(), visitors_.end(),
                                  [&](const Visitor& v) { return &v == &visitor; });
  STRAIT_CHECK(found != visitors_.end(), "a visitor that has left before");
  std::list<Visitor> gone;  // with a later event
  gone.splice(gone.end(), visitors_, found);
  loop_.post([gone = std::move(gone)] {});
}

// ---------------------------------------------------------------------------------------------
// Who asks for a place

void JoinDesk::State::asks(Visitor& visitor, const Ask& ask) {
  const auto island = ask.island ? ask.island : free_place();
  const std::string refusal = island ? why_not(*island) : all_taken();
  if (!refusal.empty()) return refuse(visitor, refusal);
  Seat& s = seat(*island);
  s.asker = &visitor;
  s.who = visitor.channel->other_side().host();
  if (!ask.program.empty() && !has_control_character(ask.program)) {
    s.who += fmt::format(" (program {})", ask.program);
  }
  visitor.island = *island;
  answer(visitor, JoinReply{.run_id = options_.run_id,
                            .island = *island,
                            .islands = options_.islands,
                            .incarnation = options_.new_incarnation(),
                            .joins = options_.joins(*island),
                            .scenario = options_.scenario,
                            .settings = options_.settings,
                            .coordinator = {}});
}

/// Empty: it may be given to who asks for this one.
std::string JoinDesk::State::why_not(IslandId island) const {
  if (!is_place(island)) {
    return fmt::format(
        "there is no island {}: this run has the islands 0 to {}; ask for one of "
        "them, or for any",
        island, options_.islands - 1);
  }
  const Seat& s = seat(island);
  if (s.line != nullptr) {
    return fmt::format(
        "island {} is taken by a process at {} that is still connected; end that "
        "one first, or ask for another island",
        island, s.who);
  }
  if (s.asker != nullptr || s.given_until > loop_.now()) {
    return fmt::format(
        "island {} was given to a process at {} that is just starting; if it does "
        "not, try again in {}",
        island, s.who, format_duration(options_.keep));
  }
  return {};
}

/// Its process was here, or was when the run was begun by an earlier desk, and may only have lost
/// its connection.
bool JoinDesk::State::may_come_back(IslandId island) const {
  const Seat& s = seat(island);
  if (s.book) return s.kept_until > loop_.now();
  return loop_.now() < begin_ + options_.keep && options_.joins(island);
}

/// First those that nobody has had.
std::optional<IslandId> JoinDesk::State::free_place() const {
  std::optional<IslandId> had;
  for (IslandId island = 0; island < options_.islands; ++island) {
    if (!why_not(island).empty() || may_come_back(island)) continue;
    if (!seat(island).book) return island;
    if (!had) had = island;
  }
  return had;
}

std::string JoinDesk::State::all_taken() const {
  constexpr IslandId kMostNamed = 8;
  std::string who;
  for (IslandId island = 0; island < std::min(options_.islands, kMostNamed); ++island) {
    const Seat& s = seat(island);
    who += fmt::format("{}{} ({})", island == 0 ? "" : ", ", island,
                       why_not(island).empty() ? "lost, may come back"
                       : s.line != nullptr     ? s.who
                                               : s.who + ", just starting");
  }
  if (options_.islands > kMostNamed) {
    who += fmt::format(" and {} more", options_.islands - kMostNamed);
  }
  return fmt::format(
      "all {} places are taken: islands {}; to replace a lost one ask for it by its number",
      options_.islands, who);
}

// ---------------------------------------------------------------------------------------------
// Who is here

std::string JoinDesk::State::why_not(const Here& here) const {
  if (here.run_id != options_.run_id) {
    return fmt::format("the coordinator runs {:x}, this island belongs to run {:x}; start it anew",
                       options_.run_id, here.run_id);
  }
  if (!is_place(here.island)) return why_not(here.island);
  const Seat& s = seat(here.island);
  if (here.incarnation < s.incarnation) {
    return fmt::format("island {} has been started anew, at {}; this is its older process",
                       here.island, s.who);
  }
  if (s.line != nullptr && here.incarnation != s.incarnation) return why_not(here.island);
  return {};
}

SocketAddress JoinDesk::State::address_of(const Visitor& visitor, const HostPort& at) const {
  if (!at.host.empty()) {
    if (const auto address = SocketAddress::of_numbers(at)) return *address;
  }
  SocketAddress address = visitor.channel->other_side();
  address.set_port(at.port);
  return address;
}

/// Who comes again with the same life has lost its connection before we noticed.
void JoinDesk::State::arrives(Visitor& visitor, const Here& here) {
  if (const std::string refusal = why_not(here); !refusal.empty()) return refuse(visitor, refusal);
  Seat& s = seat(here.island);
  if (s.line != nullptr) {
    s.line->is_known = false;  // not a word about it
    let_go(*s.line);
  }
  loop_.cancel(std::exchange(visitor.deadline, TimerId::kNone));
  s.line = &visitor;
  s.asker = nullptr;  // perhaps not closed yet
  s.given_until = Nanos{0};
  s.incarnation = here.incarnation;
  visitor.island = here.island;
  visitor.is_line = true;
  visitor.here = here;
  const SocketAddress at = address_of(visitor, here.at);
  s.who = at.text();
  visitor.knock =
      std::make_unique<Knock>(loop_, at, here.incarnation, options_.knock_timeout,
                              [this, &visitor](const auto& failure) { knocked(visitor, failure); });
}

std::optional<IslandId> JoinDesk::State::other_that_only_dials(IslandId island) const {
  for (IslandId other = 0; other < options_.islands; ++other) {
    const Seat& s = seat(other);
    const bool is_there = s.line != nullptr || s.kept_until > loop_.now();
    if (other != island && is_there && s.book && !s.book->takes_calls) return other;
  }
  return std::nullopt;
}

void JoinDesk::State::knocked(Visitor& visitor, const std::optional<Failure>& failure) {
  const IslandId island = visitor.island;
  Seat& s = seat(island);
  loop_.post([knock = std::move(visitor.knock)] {});
  const SocketAddress at = address_of(visitor, visitor.here.at);
  const std::string address = at.text();
  if (failure) {
    if (const auto other = other_that_only_dials(island)) {
      refuse(visitor,
             fmt::format("neither island {} ({}) nor island {} ({}) can be dialled, so they "
                         "can never meet; open the port of one, or give with --advertise "
                         "where it is reached",
                         island, address, *other, seat(*other).who));
      s.kept_until = Nanos{0};
      return;
    }
  }
  // On the coordinator's own machine others reach it where they reach the coordinator.
  const bool is_local = visitor.here.at.host.empty() && at.is_loopback();
  s.book = Entry{.peer = peer_of(island),
                 .at = {.host = is_local ? std::string() : at.host(), .port = at.port()},
                 .takes_calls = !failure};
  visitor.is_known = true;
  say(fmt::format("island {} ({}) is here", island, address));
  if (failure) {
    say(fmt::format("island {} cannot be dialled ({}): it only dials", island, failure->what));
  }
  network_.know(peer_of(island), {.address = at, .takes_calls = !failure});
  visitor.channel->send(pack(Reached{!failure, failure ? failure->what : address}));
  for (const Seat& other : seats_) {
    if (&other == &s) continue;
    if (other.book) visitor.channel->send(pack(*other.book));
    if (other.line != nullptr && other.line->is_known) other.line->channel->send(pack(*s.book));
  }
}

/// To who is here; else the caller's dial is over in time.
void JoinDesk::State::pass_on(PeerId from, PeerId to, std::uint64_t call) {
  const IslandId island = island_of(to);
  if (!is_place(island)) return;
  const Seat& s = seat(island);
  if (s.line != nullptr && s.line->is_known)
    s.line->channel->send(pack(FromDesk(Call{from, call})));
}

// ---------------------------------------------------------------------------------------------

JoinDesk::JoinDesk(UvLoop& loop, SocketNetwork& network, Options options)
    : state_(std::make_unique<State>(loop, network, std::move(options))) {}
JoinDesk::~JoinDesk() = default;

int JoinDesk::present() const { return state_->present(); }

}  // namespace strait
