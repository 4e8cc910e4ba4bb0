#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backends/tcp/rendezvous.h"
#include "backends/tcp/rendezvous_channel.h"

namespace strait {

namespace {

using namespace rendezvous;

constexpr Nanos kFirstWait{100'000'000}, kLongestWait{2'000'000'000};  // before a dial

}  // namespace

class JoinLine::State {
 public:
  State(UvLoop& loop, SocketNetwork& network, Options options)
      : loop_(loop), network_(network), options_(std::move(options)) {
    if (!options_.advertise.host.empty()) {  // in numbers: the desk looks nothing up
      options_.advertise.host = SocketAddress::resolve(options_.advertise, "--advertise").host();
    }
    network_.answer_knocks(options_.place.incarnation);
    if (options_.advertise.port == 0) options_.advertise.port = network_.address().port();
    network_.know(PeerId::kCoordinator, {.address = options_.place.coordinator});
    network_.call_me([this](PeerId peer, std::uint64_t call) {
      if (is_known_) channel_->send(pack(ToDesk(Call{peer, call})));
    });
    dial();
  }
  ~State() {
    network_.call_me(nullptr);
    loop_.cancel(next_dial_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

 private:
  void dial();
  void heard(std::span<const std::byte> bytes);
  void take(const Entry& entry);
  void take(const Reached& reached);
  void take(const Call& call) { network_.return_call(call.peer, call.call); }
  void take(const Refused& refused) { end(refused.why); }
  void take(const JoinReply&) { lost("its answer makes no sense"); }
  void lost(const std::string& why);
  void end(const std::string& why);
  void hang_up();
  void say(const std::string& line) const {
    if (options_.say) options_.say(line);
  }

  UvLoop& loop_;
  SocketNetwork& network_;
  Options options_;
  std::unique_ptr<Channel> channel_;
  bool is_known_ = false;            // the desk has our address
  bool is_missed_ = false;           // people were told that it is not there
  std::optional<bool> was_reached_;  // people were told whether we can be dialled
  Nanos wait_ = kFirstWait;
  TimerId next_dial_ = TimerId::kNone;
};

void JoinLine::State::dial() {
  auto stream = std::make_unique<SocketStream>(loop_, SocketOptions{}, Plane::kControl);
  stream->connect(options_.place.coordinator,
                  {.purpose = Preamble::Purpose::kJoin, .plane = Plane::kControl});
  channel_ = std::make_unique<Channel>(
      std::move(stream), kLongestFromDesk,
      Channel::Events{.heard = [this](auto bytes) { heard(bytes); },
                      .lost = [this](const Failure& failure) { lost(failure.what); }});
  channel_->send(pack(ToDesk(Here{.run_id = options_.place.run_id,
                                  .island = options_.place.island,
                                  .incarnation = options_.place.incarnation,
                                  .at = options_.advertise})));
}

void JoinLine::State::heard(std::span<const std::byte> bytes) {
  const auto version = version_of(bytes);
  if (version && *version != kProtocolVersion) {
    return end(fmt::format("the coordinator speaks protocol version {}, this program version {}",
                           *version, kProtocolVersion));
  }
  const auto message = unpack_from_desk(bytes);
  if (!message) return lost("what it sends is garbled");
  std::visit([this](const auto& m) { take(m); }, *message);
}

void JoinLine::State::take(const Reached& reached) {
  is_known_ = true;
  wait_ = kFirstWait;
  if (std::exchange(is_missed_, false)) say("the coordinator is back");
  if (std::exchange(was_reached_, reached.ok) == reached.ok) return;
  say(reached.ok ? fmt::format("island {} is reached at {}", options_.place.island, reached.what)
                 : fmt::format("island {} cannot be dialled ({}): it only dials",
                               options_.place.island, reached.what));
}

void JoinLine::State::take(const Entry& entry) {
  HostPort at = entry.at;
  if (at.host.empty()) at.host = options_.place.coordinator.host();
  const auto address = SocketAddress::of_numbers(at);
  if (!address) return lost("it names an address that is none");
  network_.know(entry.peer, {.address = *address, .takes_calls = entry.takes_calls});
}

/// Dials again, later each time.
void JoinLine::State::lost(const std::string& why) {
  is_known_ = false;
  if (!std::exchange(is_missed_, true)) {
    say(fmt::format("the connection to the coordinator ({}) is lost: {}; dialling again",
                    to_string(options_.coordinator), why));
  }
  hang_up();
  next_dial_ = loop_.at(loop_.now() + wait_, [this] { dial(); });
  wait_ = std::min(2 * wait_, kLongestWait);
}

void JoinLine::State::end(const std::string& why) {
  is_known_ = false;
  hang_up();
  if (options_.refused) options_.refused(why);
}

/// Inside an up-call of the channel, so that goes in a later event.
void JoinLine::State::hang_up() {
  channel_->mute();
  loop_.post([gone = std::move(channel_)] {});
}

JoinLine::JoinLine(UvLoop& loop, SocketNetwork& network, Options options)
    : state_(std::make_unique<State>(loop, network, std::move(options))) {}
JoinLine::~JoinLine() = default;

}  // namespace strait
