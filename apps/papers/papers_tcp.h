// The papers' tables of bandwidth with TCP on the link, as text. Thread: any.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/papers/tcp_link.h"
#include "core/plan/published.h"

namespace strait {

/// What the link between sites is like, at every rate of the grid. CUBIC, queues of one
/// bandwidth-delay product.
struct TcpCondition {
  std::string name;
  Nanos rtt{0};
  std::int64_t loss_ppm = 0;
  std::vector<int> connections{1};  // the best of these numbers
  Bytes window = Bytes{1} << 40;    // of each
  bool idle_restart = true;         // Linux's default
};

/// The Gbit/s that a row needs, by utilization; none if the grid ends before.
using NeededRates = std::array<std::optional<double>, kUtilizations.size()>;

NeededRates needed_with_rate_alone(const PublishedRow& row);

/// Of many rows under one condition; transfers are simulated once.
class NeededWithTcp {
 public:
  explicit NeededWithTcp(TcpCondition condition) : condition_(std::move(condition)) {}

  NeededRates operator()(const PublishedRow& row);

 private:
  TcpService& service(double gbit_per_s, int connections);

  TcpCondition condition_;
  std::map<std::pair<double, int>, TcpService> services_;
};

/// What `strait plan --papers --tcp` tries.
std::vector<TcpCondition> tcp_conditions();

/// Cell by cell: rate alone, and the first four conditions two by two; then how many steps of the
/// grid more each condition needs. `working` hears of done and all parts.
std::string papers_tcp_text(std::span<const TcpCondition> conditions,
                            const std::function<void(int, int)>& working);

}  // namespace strait
