// The ledger's arithmetic: rows, totals, and what an abort moves.
#include "core/comm/ledger.h"

#include "tests/support/catch.h"

namespace strait {
namespace {

constexpr PeerId kA = peer_of(0), kB = peer_of(1);

TEST_CASE("rows add up by pair, round and cause", "[ledger]") {
  Ledger ledger;
  ledger.add(kA, kB, 2, Cause::kPayload, 100);
  ledger.add(kA, kB, 2, Cause::kPayload, 11);
  ledger.add(kA, kB, 1, Cause::kPayload, 1000);
  ledger.add(kB, kA, 2, Cause::kFraming, 40);
  CHECK(ledger.total() == 1151);
  CHECK(ledger.total(Cause::kPayload) == 1111);
  CHECK(ledger.total(Cause::kPayload, 2) == 111);
  CHECK(ledger.total(Cause::kFraming, 1) == 0);
  const auto rows = ledger.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].round == 1);
  CHECK(rows[1].bytes == 111);
  CHECK(rows[2].from == kB);
}

TEST_CASE("an abort moves the payload of its attempt, then and later", "[ledger]") {
  Ledger ledger;
  ledger.add(kA, kB, 1, Cause::kPayload, 5);
  ledger.add(kA, kB, 2, Cause::kPayload, 100);
  ledger.add(kA, kB, 2, Cause::kFraming, 40);
  ledger.abort({2, 0});
  ledger.abort({2, 0});
  ledger.add(kA, kB, 2, Cause::kPayload, 7);  // what was on its way out when the verdict came
  ledger.add(kA, kB, 3, Cause::kPayload, 9);
  ledger.add(kA, kB, {2, 1}, Cause::kPayload, 100);  // the next attempt counts
  CHECK(ledger.total(Cause::kPayload) == 114);
  CHECK(ledger.total(Cause::kAborted) == 107);
  CHECK(ledger.total(Cause::kAborted, 2) == 107);
  CHECK(ledger.total(Cause::kPayload, 2) == 100);
  CHECK(ledger.total(Cause::kFraming, 2) == 40);
  CHECK(ledger.total() == 261);
  CHECK(ledger.rows().size() == 5);
}

TEST_CASE("attempts of a round are one row", "[ledger]") {
  Ledger ledger;
  ledger.add(kA, kB, {2, 1}, Cause::kFraming, 40);
  ledger.add(kA, kB, {2, 4}, Cause::kFraming, 80);
  REQUIRE(ledger.rows().size() == 1);
  CHECK(ledger.rows()[0].bytes == 120);
}

TEST_CASE("what was added is told once, attempt by attempt", "[ledger]") {
  Ledger here, there;
  const auto tell = [&] {
    for (const auto& e : here.take_added()) there.add(e.from, e.to, e.attempt, e.cause, e.bytes);
  };
  here.add(kA, kB, {1, 0}, Cause::kPayload, 5);
  tell();
  tell();
  here.add(kA, kB, {1, 0}, Cause::kPayload, 7);
  here.add(kA, kB, {1, 1}, Cause::kPayload, 100);
  tell();
  there.abort({1, 0});  // the coordinator knows, the islands do not
  here.add(kA, kB, {1, 0}, Cause::kPayload, 1);
  tell();
  CHECK(there.total(Cause::kPayload) == 100);
  CHECK(there.total(Cause::kAborted) == 13);
  CHECK(here.total(Cause::kPayload) == 113);
}

}  // namespace
}  // namespace strait
