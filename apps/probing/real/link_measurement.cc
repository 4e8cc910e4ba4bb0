#include "apps/probing/real/link_measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "apps/output/human.h"
#include "apps/probing/real/probe_socket.h"
#include "apps/probing/real/transfer.h"
#include "core/base/errors.h"
#include "core/base/wall_clock.h"
#include "core/io/priority.h"

namespace strait {
namespace {

constexpr int kRoundTrips = 60;
constexpr Nanos kBetweenRoundTrips{
    20'000'000};  // jitter is drawn anew that often (netsim/jitter.h)
constexpr int kMostConnections = 32;
constexpr double kGain = 1.05;  // what twice the connections have to bring
constexpr int kMostInVain = 2;  // so many in a row may bring less: one may have had bad luck
constexpr int kSettleTries = 100;

std::runtime_error refused(const std::string& peer, const ReadReply& read) {
  if (read.reply == ProbeReply::kBusy) {
    return std::runtime_error(
        fmt::format("{}: it measures another link just now; try again in a minute", peer));
  }
  return std::runtime_error(fmt::format(
      "{}: it speaks version {} of the probe's protocol, this is {}, and refuses; build "
      "both ends from the same commit",
      peer, read.version, kProbeVersion));
}

/// The socket, ready for what was asked; an empty one if the server lacks the congestion control.
ProbeSocket ask(const SocketAddress& server, const ProbeRequest& request) {
  ProbeSocket socket = ProbeSocket::connect(server);
  socket.send_all(pack(request));
  std::array<std::byte, kProbeReplyBytes> bytes{};
  const std::size_t count = socket.receive_all(bytes);
  const auto read = count == bytes.size() ? read_reply(bytes) : std::nullopt;
  if (!read) {
    throw std::runtime_error(fmt::format(
        "{}: whoever listens there is no strait net serve; check the port", socket.peer()));
  }
  if (read->reply == ProbeReply::kNoCongestion) return {};
  if (read->reply != ProbeReply::kGo) throw refused(socket.peer(), *read);
  return socket;
}

Nanos round_trip(const ProbeSocket& echo) {
  std::array<std::byte, 8> bytes{};
  const Nanos start = monotonic_now();
  echo.send_all(bytes);
  if (echo.receive_all(bytes) < bytes.size()) {
    throw std::runtime_error(fmt::format("{}: it has ended the connection", echo.peer()));
  }
  return monotonic_now() - start;
}

std::vector<Nanos> measure_round_trips(const ProbeSocket& echo) {
  const RaisedPriority priority;
  std::vector<Nanos> all;
  while (all.size() < kRoundTrips) {
    all.push_back(round_trip(echo));
    if (all.back() < kBetweenRoundTrips) {
      std::this_thread::sleep_for(kBetweenRoundTrips - all.back());
    }
  }
  return all;
}

/// Until the queues of the load before are empty, or somebody else's are not.
void settle(const ProbeSocket& echo, const std::vector<Nanos>& idle) {
  const Nanos usual = *std::max_element(idle.begin(), idle.end()) + Nanos{2'000'000};
  for (int i = 0; i < kSettleTries && round_trip(echo) > usual; ++i) {
  }
}

/// Nothing if the sender's kernel lacks the congestion control.
std::optional<SenderFigures> upload(const SocketAddress& server, const ProbeRequest& request) {
  const ProbeSocket socket = ask(server, request);
  if (!socket || !socket.set_congestion(name_of(request.congestion))) return std::nullopt;
  if (request.pacing.value > 0) socket.set_pacing(request.pacing);
  const SenderFigures figures = send_for(socket, request.time);
  socket.end();
  std::array<std::byte, 1> nothing{};
  socket.receive_all(nothing);  // until the server ends too
  return figures;
}

std::optional<SenderFigures> download(const SocketAddress& server, const ProbeRequest& request) {
  const ProbeSocket socket = ask(server, request);
  if (!socket) return std::nullopt;
  return read_sender_figures(receive_to_end(socket).last);
}

/// All at once; the first failure is thrown when all have ended.
std::vector<std::optional<SenderFigures>> transfer(const SocketAddress& server, WayOfLink way,
                                                   const ProbeRequest& request, int connections) {
  std::vector<std::optional<SenderFigures>> made(static_cast<std::size_t>(connections));
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> threads;
  for (auto& one : made) {
    threads.emplace_back([&] {
      try {
        one = way == WayOfLink::kThere ? upload(server, request) : download(server, request);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return made;
}

/// Nothing if the sender's kernel lacks the congestion control.
std::optional<LoadResult> put(const SocketAddress& server, WayOfLink way, const Load& load,
                              Nanos time) {
  const ProbeRequest request{
      .kind = way == WayOfLink::kThere ? ProbeKind::kUpload : ProbeKind::kDownload,
      .congestion = load.congestion,
      .time = time,
      .pacing = load.pacing};
  LoadResult result{.load = load};
  for (const auto& figures : transfer(server, way, request, load.connections)) {
    if (!figures) return std::nullopt;
    result.goodput.value += figures->goodput.value;
    result.segments += figures->segments;
    result.lost += figures->sent_again - figures->in_vain;
    result.high_rtt = std::max(result.high_rtt, figures->high_rtt);
    result.held_up = std::max(result.held_up, seconds(figures->held_up) / seconds(time));
  }
  return result;
}

/// Each begins with ten segments at once, whatever its pacing: many of them would fill a queue.
int fewest_that_carry(const std::vector<LoadResult>& loads, BytesPerSecond goodput) {
  const auto enough = std::find_if(loads.begin(), loads.end(),
                                   [&](const LoadResult& load) { return load.goodput >= goodput; });
  return enough == loads.end() ? loads.back().load.connections : enough->load.connections;
}

/// One direction.
class Way {
 public:
  Way(const SocketAddress& server, WayOfLink way, const LinkProbeOptions& options,
      std::function<void()> settle_down)
      : server_(server), way_(way), options_(options), settle_(std::move(settle_down)) {}

  WayMeasurement measure() {
    WayMeasurement measured;
    double most = 0;
    int in_vain = 0;
    for (int n = 1; in_vain < kMostInVain && n <= kMostConnections; n *= 2) {
      const auto result = made({.connections = n});
      if (!result) {
        throw UserError(fmt::format("{}: its kernel has no 'cubic'; load the module tcp_cubic",
                                    way_ == WayOfLink::kThere ? "this machine" : server_.text()));
      }
      measured.cubic.push_back(*result);
      const auto rate = static_cast<double>(result->goodput.value);
      in_vain = rate >= kGain * most ? 0 : in_vain + 1;
      most = std::max(most, rate);
    }
    measured.still_growing = in_vain == 0;
    measured.bbr = made({.congestion = ProbeCongestion::kBbr});
    const std::int64_t half = measured.best().goodput.value / 2;
    const int connections = fewest_that_carry(measured.cubic, {half + half / 5});
    measured.paced = made({.connections = connections,
                           .pacing = {std::max<std::int64_t>(1, half / connections)}})
                         .value();
    return measured;
  }

  static const LoadResult& fullest(const std::vector<LoadResult>& results) {
    return *std::max_element(
        results.begin(), results.end(),
        [](const LoadResult& a, const LoadResult& b) { return a.goodput < b.goodput; });
  }

 private:
  std::optional<LoadResult> made(const Load& load) {
    settle_();
    const auto result = put(server_, way_, load, options_.time);
    options_.progress(fmt::format(
        "{} {}: {}: {}", way_ == WayOfLink::kThere ? "to" : "from", server_.text(), load_text(load),
        result ? human_rate(result->goodput) + " of payload" : "not in the sender's kernel"));
    return result;
  }

  const SocketAddress& server_;
  const WayOfLink way_;
  const LinkProbeOptions& options_;
  const std::function<void()> settle_;
};

/// The first contact: what is wrong there is for the user to mend.
ProbeSocket first_contact(const SocketAddress& server) {
  try {
    return ask(server, {.kind = ProbeKind::kEcho});
  } catch (const std::runtime_error& failure) {
    throw UserError(failure.what());
  }
}

}  // namespace

const LoadResult& WayMeasurement::best() const {
  const LoadResult& fullest = Way::fullest(cubic);
  return bbr && bbr->goodput > fullest.goodput ? *bbr : fullest;
}

LinkMeasurement measure_real_link(const SocketAddress& server, const LinkProbeOptions& options) {
  const ProbeSocket echo = first_contact(server);
  LinkMeasurement measured{.other_end = server.text(), .time = options.time};
  measured.round_trips = measure_round_trips(echo);
  std::vector<Nanos> sorted = measured.round_trips;
  std::sort(sorted.begin(), sorted.end());
  options.progress(fmt::format("idle round trip: {}, median of {}",
                               human_time(sorted[sorted.size() / 2]), sorted.size()));
  const auto settle_down = [&] { settle(echo, measured.round_trips); };
  measured.there = Way(server, WayOfLink::kThere, options, settle_down).measure();
  measured.back = Way(server, WayOfLink::kBack, options, settle_down).measure();
  return measured;
}

std::string load_text(const Load& load) {
  return fmt::format("{}, {} connection{}{}",
                     load.congestion == ProbeCongestion::kBbr ? "BBR" : "CUBIC", load.connections,
                     load.connections == 1 ? "" : "s", load.pacing.value > 0 ? ", paced" : "");
}

}  // namespace strait
