// What islands tell the coordinator's process: packed and read back, and garbage refused.
#include "apps/experiment/news_messages.h"

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

News back(const News& news) {
  const auto messages = pack(news);
  REQUIRE(messages.size() == 1);
  Outcome<News> read = unpack_news(messages[0], 3);
  REQUIRE(read.ok());
  return std::move(read).value();
}

TEST_CASE("every kind of news comes back as it was packed", "[news]") {
  CHECK(std::holds_alternative<BegunNews>(back(BegunNews{})));

  IslandReport report{
      .island = 3, .loss = 1.25, .steps = 20, .tokens = 4096, .now = Nanos{5}, .waited = Nanos{7}};
  report.boundary = {.round = 9,
                     .state = 9,
                     .roster = everyone(2),
                     .discarded_tokens = 11,
                     .finite = false,
                     .caught_up_from = 4,
                     .caught_up_to = 6};
  const auto r = std::get<IslandReport>(back(report));
  CHECK(r.island == 3);
  CHECK(r.loss == 1.25);
  CHECK(r.steps == 20);
  CHECK(r.tokens == 4096);
  CHECK(r.now == Nanos{5});
  CHECK(r.waited == Nanos{7});
  CHECK(r.boundary.round == 9);
  CHECK(r.boundary.roster.weight_of(1) == 0.5f);
  CHECK(r.boundary.discarded_tokens == 11);
  CHECK_FALSE(r.boundary.finite);
  CHECK(r.boundary.caught_up_from == 4);
  CHECK(r.boundary.caught_up_to == 6);

  const auto e = std::get<EvaluatedNews>(
      back(EvaluatedNews{5, {.index = 1, .count = 4}, {{"loss", 2.5}, {"loss.de", 3.5}}}));
  CHECK(e.round == 5);
  CHECK(e.share.index == 1);
  CHECK(e.share.count == 4);
  REQUIRE(e.metrics.size() == 2);
  CHECK(e.metrics[1].name == "loss.de");
  CHECK(e.metrics[1].value == 3.5);

  const auto ended = std::get<EndedNews>(
      back(EndedNews{.lost_tokens = 3, .round = 8, .shared_hash = 77, .leaves = true}));
  CHECK(ended.lost_tokens == 3);
  CHECK(ended.round == 8);
  CHECK(ended.shared_hash == 77);
  CHECK(ended.leaves);

  const auto pretrained =
      std::get<PretrainedNews>(back(PretrainedNews{.compute_time = Nanos{9}, .loss = 0.5}));
  CHECK(pretrained.compute_time == Nanos{9});
  CHECK(pretrained.loss == 0.5);

  const auto tcp = std::get<TcpNews>(back(TcpNews{{.acked = 1,
                                                   .sent = 2,
                                                   .sent_again = 3,
                                                   .segments = 4,
                                                   .lost = 5,
                                                   .rtt = Nanos{6},
                                                   .least_rtt = Nanos{7},
                                                   .busy = Nanos{8},
                                                   .held_up = Nanos{9}}}))
                       .figures;
  CHECK(tcp.acked == 1);
  CHECK(tcp.sent == 2);
  CHECK(tcp.sent_again == 3);
  CHECK(tcp.segments == 4);
  CHECK(tcp.lost == 5);
  CHECK(tcp.rtt == Nanos{6});
  CHECK(tcp.least_rtt == Nanos{7});
  CHECK(tcp.busy == Nanos{8});
  CHECK(tcp.held_up == Nanos{9});
}

TEST_CASE("a long ledger goes in several messages and names who sent it", "[news]") {
  LedgerNews news;
  for (int i = 0; i < 10'000; ++i) {
    news.entries.push_back({.from = peer_of(1),
                            .to = peer_of(i % 4),
                            .attempt = {i / 10, static_cast<std::uint64_t>(i % 3)},
                            .cause = static_cast<Cause>(i % 6),
                            .bytes = i});
  }
  std::size_t count = 0;
  Bytes bytes = 0;
  for (const auto& message : pack(news)) {
    CHECK(message.size() <= kLargestControl);
    const Outcome<News> read = unpack_news(message, 3);
    REQUIRE(read.ok());
    for (const auto& entry : std::get<LedgerNews>(read.value()).entries) {
      CHECK(entry.from == peer_of(3));
      ++count;
      bytes += entry.bytes;
    }
  }
  CHECK(count == 10'000);
  CHECK(bytes == 9'999 * 5'000);
}

TEST_CASE("garbled news are a mismatch", "[news]") {
  Rng rng(test_seed(), "garbled news");
  const std::vector<News> all{BegunNews{},
                              IslandReport{},
                              EvaluatedNews{1, {}, {{"loss", 1}}},
                              EndedNews{},
                              LedgerNews{{Ledger::Entry{}}},
                              PretrainedNews{},
                              TcpNews{}};
  for (const News& news : all) {
    const auto message = pack(news)[0];
    for (std::size_t length = 0; length < message.size(); ++length) {
      CHECK_FALSE(unpack_news(std::span(message).first(length), 0).ok());
    }
    auto longer = message;
    longer.push_back(std::byte{0});
    CHECK_FALSE(unpack_news(longer, 0).ok());
    for (int i = 0; i < 200; ++i) {  // it may be possible again, but nothing breaks
      auto other = message;
      other[rng.below(other.size())] = static_cast<std::byte>(rng.next());
      std::ignore = unpack_news(other, 0);
    }
  }
  LedgerNews impossible{{Ledger::Entry{.cause = static_cast<Cause>(200)}}};
  CHECK_FALSE(unpack_news(pack(impossible)[0], 0).ok());
}

}  // namespace
}  // namespace strait
