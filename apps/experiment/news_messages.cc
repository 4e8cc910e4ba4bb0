#include "apps/experiment/news_messages.h"

#include <algorithm>

namespace strait {

namespace {

constexpr std::size_t kEntriesPerMessage = 4096;
constexpr std::uint32_t kMostItems = 1 << 16;

void put(Writer&, const BegunNews&) {}
void get(Reader&, BegunNews&) {}

void put(Writer& w, const Roster& roster) {
  w.put(static_cast<std::uint32_t>(roster.members.size()));
  for (const auto& member : roster.members) w.put(member.island).put(member.weight);
}
void get(Reader& r, Roster& roster) {
  const auto count = std::min(r.get<std::uint32_t>(), kMostItems);
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) {
    const auto island = r.get<IslandId>();
    roster.members.push_back({island, r.get<float>()});
  }
}

void put(Writer& w, const IslandReport& m) {
  const Boundary& b = m.boundary;
  w.put(m.loss).put(m.steps).put(m.tokens).put(m.now.count()).put(m.waited.count());
  w.put(b.round).put(b.state).put(b.discarded_tokens).put(std::uint8_t{b.finite});
  w.put(b.caught_up_from).put(b.caught_up_to);
  put(w, b.roster);
}
void get(Reader& r, IslandReport& m) {
  Boundary& b = m.boundary;
  m.loss = r.get<double>();
  m.steps = r.get<std::int64_t>();
  m.tokens = r.get<std::int64_t>();
  m.now = Nanos{r.get<std::int64_t>()};
  m.waited = Nanos{r.get<std::int64_t>()};
  b.round = r.get<std::uint32_t>();
  b.state = r.get<std::uint32_t>();
  b.discarded_tokens = r.get<std::int64_t>();
  b.finite = r.get<std::uint8_t>() != 0;
  b.caught_up_from = r.get<std::uint32_t>();
  b.caught_up_to = r.get<std::uint32_t>();
  get(r, b.roster);
}

void put(Writer& w, const EvaluatedNews& m) {
  w.put(m.round).put(m.share.index).put(m.share.count).put(std::uint8_t{m.share.own});
  w.put(static_cast<std::uint32_t>(m.metrics.size()));
  for (const Metric& metric : m.metrics) w.put_text(metric.name).put(metric.value);
}
void get(Reader& r, EvaluatedNews& m) {
  m.round = r.get<std::uint32_t>();
  m.share.index = r.get<int>();
  m.share.count = r.get<int>();
  m.share.own = r.get<std::uint8_t>() != 0;
  const auto count = std::min(r.get<std::uint32_t>(), kMostItems);
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) {
    Metric metric;
    metric.name = r.get_text();
    metric.value = r.get<double>();
    m.metrics.push_back(std::move(metric));
  }
}

void put(Writer& w, const EndedNews& m) {
  w.put(m.lost_tokens).put(m.round).put(m.shared_hash).put(std::uint8_t{m.leaves});
}
void get(Reader& r, EndedNews& m) {
  m.lost_tokens = r.get<std::int64_t>();
  m.round = r.get<std::uint32_t>();
  m.shared_hash = r.get<std::uint64_t>();
  m.leaves = r.get<std::uint8_t>() != 0;
}

void put(Writer& w, const LedgerNews& m) {
  w.put(static_cast<std::uint32_t>(m.entries.size()));
  for (const auto& entry : m.entries) {
    w.put(entry.to).put(entry.attempt.round).put(entry.attempt.epoch).put(entry.cause);
    w.put(entry.bytes);
  }
}
void get(Reader& r, LedgerNews& m) {
  const auto count = std::min(r.get<std::uint32_t>(), kMostItems);
  for (std::uint32_t i = 0; i < count && r.ok(); ++i) {
    Ledger::Entry entry;
    entry.to = r.get<PeerId>();
    entry.attempt.round = r.get<std::int64_t>();
    entry.attempt.epoch = r.get<std::uint64_t>();
    entry.cause = r.get<Cause>();
    entry.bytes = r.get<Bytes>();
    m.entries.push_back(entry);
  }
}

void put(Writer& w, const PretrainedNews& m) { w.put(m.compute_time.count()).put(m.loss); }
void get(Reader& r, PretrainedNews& m) {
  m.compute_time = Nanos{r.get<std::int64_t>()};
  m.loss = r.get<double>();
}

void put(Writer& w, const TcpNews& m) {
  const StreamFigures& f = m.figures;
  w.put(f.acked).put(f.sent).put(f.sent_again).put(f.segments).put(f.lost);
  w.put(f.rtt.count()).put(f.least_rtt.count()).put(f.busy.count()).put(f.held_up.count());
}
void get(Reader& r, TcpNews& m) {
  StreamFigures& f = m.figures;
  for (Bytes* bytes : {&f.acked, &f.sent, &f.sent_again}) *bytes = r.get<Bytes>();
  for (std::int64_t* count : {&f.segments, &f.lost}) *count = r.get<std::int64_t>();
  for (Nanos* time : {&f.rtt, &f.least_rtt, &f.busy, &f.held_up}) {
    *time = Nanos{r.get<std::int64_t>()};
  }
}

std::vector<std::byte> pack_one(const News& news) {
  Writer writer;
  writer.put(static_cast<std::uint8_t>(news.index()));
  std::visit([&](const auto& message) { put(writer, message); }, news);
  return writer.take();
}

/// The alternative of this index, read.
template <std::size_t I = 0>
News read_news(std::size_t index, Reader& reader) {
  if constexpr (I < std::variant_size_v<News>) {
    if (index != I) return read_news<I + 1>(index, reader);
    std::variant_alternative_t<I, News> message{};
    get(reader, message);
    return message;
  } else {
    return BegunNews{};
  }
}

bool possible(const News& news) {
  const auto* ledger = std::get_if<LedgerNews>(&news);
  return ledger == nullptr ||
         std::all_of(ledger->entries.begin(), ledger->entries.end(), [](const auto& entry) {
           return static_cast<std::size_t>(entry.cause) < kCauses && index_of(entry.to) >= 0 &&
                  entry.bytes >= 0;
         });
}

}  // namespace

std::vector<std::vector<std::byte>> pack(const News& news) {
  const auto* ledger = std::get_if<LedgerNews>(&news);
  if (ledger == nullptr || ledger->entries.size() <= kEntriesPerMessage) return {pack_one(news)};
  std::vector<std::vector<std::byte>> messages;
  for (std::size_t at = 0; at < ledger->entries.size(); at += kEntriesPerMessage) {
    const auto first = ledger->entries.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(kEntriesPerMessage, ledger->entries.size() - at);
    messages.push_back(pack_one(LedgerNews{{first, first + static_cast<std::ptrdiff_t>(count)}}));
  }
  return messages;
}

Outcome<News> unpack_news(std::span<const std::byte> bytes, IslandId from) {
  Reader reader(bytes);
  const std::size_t index = reader.get<std::uint8_t>();
  News news = read_news(index, reader);
  if (index >= std::variant_size_v<News> || !reader.finished() || !possible(news)) {
    return Failure{FailureKind::kMismatch, "garbled news"};
  }
  if (auto* report = std::get_if<IslandReport>(&news)) report->island = from;
  if (auto* ledger = std::get_if<LedgerNews>(&news)) {
    for (auto& entry : ledger->entries) entry.from = peer_of(from);
  }
  return news;
}

}  // namespace strait
