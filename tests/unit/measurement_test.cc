// What the repetitions of a measured case are summed up to, and files of measured cases.
#include "apps/validation/measurement.h"

#include "core/base/files.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr const char* kRecorded =
    "id,what,params,median_s,all_s,wire_bytes,class\n"
    "D23,\"rate square wave 40/10 Mbit/s, 3 s period\",\"{\"\"extra\"\": \"\"--steps "
    "0:40,1.5:10 --period 3\"\", \"\"mbps\"\": 40, \"\"nbytes\"\": 2000000}\",6.7,6.6 6.7 "
    "6.9,2150000,spread\n"
    "plain,,{},1.0,1.0,10000,tight\n";

std::vector<MeasuredCase> read_back(const std::string& text) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "cases.csv", text);
  return read_case_file(folder / "cases.csv");
}

Repetition repetition(Nanos time, Bytes wire_bytes, std::int64_t late = 0) {
  Repetition r{.transfer = {.time = time, .flows = {time}}};
  r.wire_bytes = wire_bytes;
  for (int packet = 0; packet < 1'000; ++packet) r.relay.add(packet < late ? 1ms + 1ns : 1ms);
  return r;
}

TEST_CASE("a measured case holds the medians and all times of its repetitions", "[cases]") {
  const MeasuredCase recorded = read_back(kRecorded).front();
  const Measurement m = summarize(
      recorded, {repetition(2040ms, 30), repetition(2000ms, 10), repetition(2010ms, 20)}, 1);
  CHECK(m.measured.setup.id == "D23");
  CHECK(m.measured.median_s == Approx(2.01));
  CHECK(m.measured.all_s.size() == 3);
  CHECK(m.measured.wire_bytes == 20);
  CHECK(m.measured.tight);
  CHECK(m.again == 1);
}

TEST_CASE("a case is not tight because fewer repetitions than the recorded ones agree", "[cases]") {
  const MeasuredCase recorded = read_back(kRecorded).front();  // three, spread
  std::vector<Repetition> alike(2, repetition(2s, 10));
  CHECK_FALSE(summarize(recorded, alike, 0).measured.tight);
  alike.push_back(alike.front());
  CHECK(summarize(recorded, alike, 0).measured.tight);
}

TEST_CASE("a case is tight if its times are and its relay was in time", "[cases]") {
  CHECK(is_tight({1.00, 1.01, 1.03}, 0.01));
  CHECK_FALSE(is_tight({1.00, 1.01, 1.04}, 0));
  CHECK_FALSE(is_tight({1.00, 1.01, 1.03}, 0.011));
  std::vector<double> ten(10, 1.0);
  ten[4] = 0.5;
  ten[7] = 2.0;  // from ten on one may be off on each side
  CHECK(is_tight(ten, 0));
  ten[8] = 2.0;
  CHECK_FALSE(is_tight(ten, 0));
  ten.resize(9);
  CHECK_FALSE(is_tight(ten, 0));
}

TEST_CASE("a packet is late after a millisecond and a relay with one late packet in a hundred",
          "[cases]") {
  const Repetition in_time = repetition(1s, 1, 10), late = repetition(1s, 1, 11);
  CHECK(in_time.relay.late == 10);
  CHECK_FALSE(is_late(in_time.relay.late_share()));
  CHECK(is_late(late.relay.late_share()));
  CHECK(late.relay.late_max == 1ms + 1ns);
  CHECK(late.relay.late_mean() == 1ms);
  CHECK(RelayReport{}.late_share() == 0);  // nothing was forwarded at all
  const auto measured = summarize(read_back(kRecorded).back(), {in_time, late, late}, 2);
  CHECK(measured.late_share() == Approx(32.0 / 3000));
  CHECK_FALSE(measured.measured.tight);
}

TEST_CASE("measured cases are read back from their file as they were", "[cases]") {
  std::vector<Measurement> measurements;
  for (const MeasuredCase& recorded : read_back(kRecorded)) {
    // A transfer at 1 Gbit/s may take milliseconds: four digits would be one percent of it.
    measurements.push_back(
        summarize(recorded, {repetition(12'345'678ns, 1'000'000), repetition(13ms, 2'000'000)}, 0));
  }
  const std::vector<MeasuredCase> cases = read_back(case_file(measurements));
  REQUIRE(cases.size() == measurements.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const MeasuredCase& written = measurements[i].measured;
    CHECK(cases[i].setup.id == written.setup.id);
    CHECK(cases[i].what == written.what);
    CHECK(cases[i].params == written.params);
    CHECK(cases[i].setup.rates == written.setup.rates);
    CHECK(cases[i].setup.bytes == written.setup.bytes);
    CHECK(cases[i].median_s == Approx(written.median_s).epsilon(1e-4));
    REQUIRE(cases[i].all_s.size() == 2);
    CHECK(cases[i].all_s[0] == Approx(12.346e-3).epsilon(1e-4));
    CHECK(cases[i].wire_bytes == 1'500'000);
    CHECK_FALSE(cases[i].tight);
  }
}

}  // namespace
}  // namespace strait
