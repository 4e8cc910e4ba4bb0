// LoneTraffic: connections that have some links to themselves, on a clock of their own, to measure
// what a link or a path gives. Used by probes and by figures of plans; a run never sees it.
//
// Made with the options of TCP, then links are added to links(), then connections. Time stands
// still but in run(). Thread: any; all state is here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "netsim/links.h"

namespace strait {

class LoneTraffic : private LinkSink {
 public:
  explicit LoneTraffic(const TcpOptions& tcp, std::uint64_t seed = 1)
      : links_(make_links(tcp, seed)) {}
  LoneTraffic(const LoneTraffic&) = delete;
  LoneTraffic& operator=(const LoneTraffic&) = delete;

  Links& links() { return *links_; }
  Nanos now() const { return links_->now(); }

  /// Dials now; connections count from 0.
  std::size_t connect(std::span<const LinkId> forward, std::span<const LinkId> backward);

  /// One more message from the dialing end, now.
  void offer(std::size_t connection, Bytes payload);

  /// Until `done`, which is asked after each event of the links, or past `until`, or until nothing
  /// more will happen. Whether it is done.
  bool run(const std::function<bool()>& done, Nanos until = kNever);

  /// So long, whatever happens.
  void wait(Nanos time) { links_->advance(now() + time, *this); }

  /// When the dialing end has heard of the other one.
  std::optional<Nanos> opened(std::size_t connection) const { return ends_[connection].opened; }

  /// Bytes of the messages that have left as a whole.
  Bytes departed(std::size_t connection) const { return ends_[connection].departed; }

  /// When each message had arrived, in order.
  const std::vector<Nanos>& arrivals(std::size_t connection) const {
    return ends_[connection].arrivals;
  }

 private:
  struct Ends {
    Links::Connection flows;
    std::optional<Nanos> opened{};
    Bytes departed = 0;
    std::vector<Nanos> arrivals{};
  };

  void opened(FlowId flow, Nanos time) override;
  void departed(FlowId flow, Bytes payload, Nanos time) override;
  void arrived(FlowId flow, Bytes payload, Nanos time) override;
  void closed(FlowId, Nanos) override {}

  std::unique_ptr<Links> links_;
  std::vector<Ends> ends_;
};

}  // namespace strait
