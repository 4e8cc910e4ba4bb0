// What the process of an island tells the coordinator's (core/comm/news.h): what the board and the
// ledger of one process hear directly. Values; packed for the wire and back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "apps/experiment/board.h"

namespace strait {

struct BegunNews {};

struct EvaluatedNews {
  std::uint32_t round = 0;
  EvaluationShare share;
  std::vector<Metric> metrics;
};

/// It reports nothing more; the shared parameters that it has are those after `round`.
struct EndedNews {
  std::int64_t lost_tokens = 0;
  std::uint32_t round = 0;
  std::uint64_t shared_hash = 0;
  bool leaves = false;  // because it was asked to
};

/// What TCP says of the connections of this life, so far.
struct TcpNews {
  StreamFigures figures;
};

struct LedgerNews {
  std::vector<Ledger::Entry> entries;
};

/// Only island 0's, before round 1.
struct PretrainedNews {
  Nanos compute_time{0};
  double loss = 0;
};

using News = std::variant<BegunNews, IslandReport, EvaluatedNews, EndedNews, LedgerNews,
                          PretrainedNews, TcpNews>;

/// In pieces that fit into messages: ledgers may be long.
std::vector<std::vector<std::byte>> pack(const News& news);

/// kMismatch for what no version of this program sends. An island is who the transport says.
Outcome<News> unpack_news(std::span<const std::byte> bytes, IslandId from);

}  // namespace strait
