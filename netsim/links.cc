#include "netsim/links.h"

#include <utility>

#include "core/base/check.h"
#include "netsim/ideal_links.h"
#include "netsim/tcp_links.h"

namespace strait {

namespace {

constexpr std::pair<std::string_view, CongestionControl> kNames[] = {
    {"cubic", CongestionControl::kCubic},
    {"reno", CongestionControl::kReno},
    {"bbr", CongestionControl::kBbr},
    {"ideal", CongestionControl::kIdeal}};

}  // namespace

CongestionControl congestion_of(std::string_view name) {
  for (const auto& [known, kind] : kNames) {
    if (known == name) return kind;
  }
  STRAIT_CHECK(false, "no congestion control is called {}", name);
  return CongestionControl::kIdeal;
}

std::string_view congestion_name(CongestionControl congestion) {
  for (const auto& [name, kind] : kNames) {
    if (kind == congestion) return name;
  }
  STRAIT_CHECK(false, "a congestion control without a name");
  return {};
}

std::unique_ptr<Links> make_links(const TcpOptions& tcp, std::uint64_t seed) {
  if (tcp.congestion == CongestionControl::kIdeal) return std::make_unique<IdealLinks>(tcp, seed);
  return std::make_unique<TcpLinks>(tcp, seed);
}

}  // namespace strait
