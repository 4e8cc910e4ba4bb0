// TcpLinks: when do the bytes of many TCP connections leave and arrive, if they share links?
//
// The physics of the emulator, without clock and I/O: someone tells it what is offered and when,
// asks for the time of the next event, and lets it advance. It promises no future at the offer,
// since later offers change it.
//
// What moves are trains: segments of one flow, or the acknowledgements of such, that follow one
// another. A train passes the links of its path one by one; a link holds it in its drop-tail queue
// (link_queue.h), carries it at its rate, loses some of it (loss.h), and delays it. The receiver
// (receiver.h) turns it round as a train of acknowledgements, which pass the links of the way back
// and queue there like everything else; and the sender (sender.h) answers with the next train. So a
// window is a few trains on a circle, and the cost is some events per train and link, however many
// packets that is. A train is no more than a part of a large window, or a few segments of a small
// one (Sender::train_limit), since what shares a link with it while it passes is seen in the order
// of the trains.
//
// A link that is down swallows what comes to it. A connection whose end is silent loses everything.
//
// Integers only (nanoseconds, bytes), so every host, compiler and optimization level gives the same
// times. Thread: none of its own; calls come in the order of time, and not from inside a LinkSink.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/fifo.h"
#include "netsim/ids.h"
#include "netsim/jitter.h"
#include "netsim/keyed_heap.h"
#include "netsim/links.h"
#include "netsim/loss.h"
#include "netsim/tcp/link_queue.h"
#include "netsim/tcp/receiver.h"
#include "netsim/tcp/segments.h"
#include "netsim/tcp/sender.h"
#include "netsim/tcp/timetable.h"

namespace strait {

class TcpLinks : public Links {
 public:
  explicit TcpLinks(const TcpOptions& options = {}, std::uint64_t seed = 1)
      : options_(options), seed_(seed) {}

  LinkId add_link(const LinkOptions& options) override;
  Connection connect(std::span<const LinkId> forward, std::span<const LinkId> backward, Nanos now,
                     std::uint64_t key = 0, Whose whose = Whose::kPeers) override;
  void offer(FlowId flow, Bytes payload, Nanos now) override;
  Bytes reset(FlowId flow, Nanos now) override;
  void forget(const Connection& connection, Nanos now) override;
  bool established(FlowId flow) const override { return state(flow).open; }
  void set_up(LinkId link, bool up, Nanos now) override;
  void set_rate(LinkId link, BytesPerSecond rate, Nanos now) override;
  void set_delay(LinkId link, Nanos delay, Nanos now) override;
  void set_loss(LinkId link, std::int64_t ppm, Nanos now) override;
  void set_silent(const Connection& connection, bool silent, Nanos now) override;
  Nanos next_event() override;
  void advance(Nanos now, LinkSink& sink) override;
  std::optional<StreamFigures> figures(FlowId flow, Nanos now) const override;
  LinkCounters counters(LinkId link) const override;
  Bytes in_flight(LinkId link) const override;
  std::int64_t events() const override { return events_; }
  Nanos now() const override { return now_; }

  /// The sending end of a flow that has opened.
  const Sender& sender(FlowId flow) const { return *state(flow).sender; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  enum class Kind : std::uint8_t { kData, kAcks, kSyn, kSynAck, kHandshakeAck, kReset };

  struct Link {
    std::string name;
    Nanos delay{0};
    Jitter jitter;
    LinkQueue queue;
    std::function<bool()> loses;
    LossOdds loss;
    std::uint32_t loss_version = 0;
    bool up = true;
    BurstLoss bursts;
    LinkCounters counters;
    Bytes at_this_rate = 0;  // carried, and not in counters.busy yet
    Nanos ack_time{0};       // one acknowledgement's
    Bytes under_way = 0;
  };

  struct Train {
    FlowId flow{};  // whose data it carries or acknowledges
    std::uint32_t generation = 0;
    Kind kind = Kind::kData;
    std::uint8_t hop = 0;  // the link it comes to next, or past the last one
    bool again = false;
    std::uint64_t number = 0;
    Run segments;
    Passing passing;             // what is left of it, and when it comes to `hop`
    Nanos begins{0};             // acknowledgements: when the first is sent
    LinkId on{};                 // the link before `hop`, if that is not the first
    std::int64_t next = 0;       // acknowledgements: Receiver::next()
    std::int64_t window = 0;     // and Receiver::window()
    std::uint32_t also = kNone;  // acknowledgements: another train that is told of
    std::uint32_t told = kNone;  // data: trains of the other direction that it acknowledges
    std::int64_t told_next = 0;
    std::int64_t told_window = 0;
    std::vector<std::int32_t> missing;  // of the segments
  };

  struct Loss {
    std::unique_ptr<Rng> rng;
    std::uint32_t version = 0;
    std::int64_t until_next = 0;  // packets that come through before the next lost one
  };

  struct Mark {
    std::int64_t last = 0;  // segment
    Bytes payload_end = 0;
  };

  struct Arrival {
    Nanos time{0};
    Bytes payload_end = 0;
    bool closes = false;
  };

  struct Flow {
    std::array<LinkId, kMaxHops> links{};
    std::uint8_t link_count = 0;
    bool in_use = false;
    bool open = false;   // its sender may send
    bool dials = false;  // the forward flow
    Whose whose = Whose::kPeers;
    bool resetting = false;
    bool woken = false;
    int silent = 0;  // ends of the connection
    std::uint32_t generation = 0;
    FlowId other{};
    std::uint64_t key = 0;
    Nanos dialed{0};
    Nanos dial_timeout{0};
    Segments segments{1};
    std::unique_ptr<Sender> sender;  // once open
    Receiver receiver;
    std::uint32_t unreported = kNone;  // trains that still have to be acknowledged
    Nanos ack_due{0};
    std::array<Nanos, kMaxHops> order{};  // of data: when the train before came to each place
    std::array<Nanos, kMaxHops> ack_order{};
    Bytes departed = 0;  // payload
    Fifo<Mark> to_depart;
    Fifo<Mark> to_arrive;
    Fifo<Arrival> arrivals;
    std::unique_ptr<std::array<Loss, 2 * kMaxHops>> loss;

    std::span<const LinkId> path() const { return {links.data(), link_count}; }
  };

  enum class Timer : std::uint8_t { kSender, kAck, kArrival };
  static constexpr std::uint32_t kTimers = 3;
  static std::uint32_t timer_key(FlowId flow, Timer timer) {
    return index_of(flow) * kTimers + static_cast<std::uint32_t>(timer);
  }

  // Lanes of the timetable: from a link, and to the first one of a path.
  static Timetable::Lane from(LinkId link) { return 2 * index_of(link); }
  static Timetable::Lane to(LinkId link) { return 2 * index_of(link) + 1; }

  Flow& state(FlowId flow) { return flows_[index_of(flow)]; }
  const Flow& state(FlowId flow) const { return flows_[index_of(flow)]; }
  Link& link(LinkId id) { return links_[index_of(id)]; }
  static Nanos busy(const Link& link);

  FlowId add_flow(std::span<const LinkId> path);
  void free_flow(FlowId flow);
  std::uint32_t take_train(FlowId flow, Kind kind);
  void free_train(std::uint32_t train);
  void set_out(std::uint32_t train);
  void schedule(Timetable::Lane lane, std::uint32_t train);
  void set_timer(FlowId flow, Timer timer, Nanos time);
  void move_to(Nanos now);

  void run_train(std::uint32_t train, LinkSink& sink);
  std::span<const LinkId> path_of(const Train& train) const;
  void pass_link(std::uint32_t train);
  void count(LinkCounters& counters, const Train& train) const;
  void enter(LinkCounters::Entered& entered, const Train& train) const;
  void lose(Train& train, Link& link, Passing& leaving);
  void lose_one_by_one(Train& train, Link& link, std::int64_t packets);
  void drop(Train& train);
  void strike(Train& train, Passing& leaving, std::int64_t place);
  void keep_report(FlowId flow, std::uint32_t train);
  void lose_train(std::uint32_t train);
  void acknowledge_by(FlowId flow, Nanos time);
  void arrive(std::uint32_t train, LinkSink& sink);
  void hear_of_connection(FlowId answering, LinkSink& sink);
  void data_arrives(std::uint32_t train, LinkSink& sink);
  void acks_arrive(std::uint32_t train, LinkSink& sink);
  void hear_acks(FlowId flow, std::uint32_t train, const Acknowledgements& acks, LinkSink& sink);
  void mark_arrives(FlowId flow, Arrival arrival, LinkSink& sink);
  void send_acks(FlowId flow, std::uint32_t train, std::int64_t acks, Nanos first, Nanos last);
  void control(FlowId flow, Kind kind, Bytes bytes);
  void run_timer(FlowId flow, Timer timer, LinkSink& sink);
  void dial(FlowId flow);
  void wake(FlowId flow);
  void open(FlowId flow, Nanos rtt, LinkSink& sink);
  void send(FlowId flow, Nanos first, Nanos last, LinkSink& sink);
  void send_train(FlowId flow, const Transmission& transmission);

  TcpOptions options_;
  std::uint64_t seed_;
  Nanos now_{0};
  std::vector<Link> links_;
  std::vector<Flow> flows_;
  std::vector<FlowId> free_flows_;
  std::vector<Train> trains_;
  std::vector<std::uint32_t> free_trains_;
  Timetable timetable_;
  KeyedHeap timers_;
  std::vector<FlowId> woken_;  // in the order of their offers
  std::int64_t events_ = 0;
  bool advancing_ = false;
  std::vector<Transmission> sending_;
  std::vector<Report> reports_;
  std::vector<std::int32_t> dropped_;
  std::vector<std::int64_t> lost_;
};

}  // namespace strait
