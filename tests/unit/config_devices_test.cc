#include "core/config/devices.h"

#include <set>

#include "core/config/load.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

RunConfig on(const std::string& device, double mfu = 0.4) {
  RunConfig config;
  config.compute.device = device;
  config.compute.mfu = mfu;
  return config;
}

TEST_CASE("a step takes its FLOPs over what the device reaches", "[devices]") {
  // 150 M parameters, 64 sequences of 1024 tokens: 5.9e13 FLOPs without attention.
  const double flops = 6.0 * 150e6 * 64 * 1024;
  CHECK(seconds(with_device(on("a100"), flops).compute.step) ==
        Approx(flops / (312e12 * 0.4)).epsilon(1e-9));
  CHECK(seconds(with_device(on("m2", 0.2), 3.6e12).compute.step) == Approx(5.0));
  RunConfig larger = on("h100");
  larger.compute.flops_per_step = 989.4e12;
  CHECK(with_device(larger, flops).compute.step == Nanos{2'500'000'000});
  CHECK(with_device(on("h100"), 1).compute.step == Nanos{1});
  CHECK(with_device(on(""), flops).compute.step == RunConfig().compute.step);
}

TEST_CASE("devices have names of their own and figures with sources", "[devices]") {
  std::set<std::string_view> names;
  for (const Device& device : devices()) {
    CHECK(names.insert(device.name).second);
    CHECK(device.peak_flops > 1e12);
    CHECK(device.what.find('(') != std::string_view::npos);
    CHECK(find_device(device.name) == &device);
  }
  CHECK(find_device("") == nullptr);
  CHECK(device_line(on("a100"), 1.01e12) == "1.01e+12 FLOPs at 40 % of 312 TFLOP/s (a100)");
  CHECK(device_line(on(""), 1.01e12).empty());
}

TEST_CASE("what a device cannot compute is told", "[devices]") {
  CHECK_THROWS_WITH(with_device(on("a100"), 0),
                    "compute.device = a100: nobody knows the FLOPs of a step of this task; write "
                    "compute.flops_per_step, e.g. 1e12");
  CHECK_THROWS_WITH(with_device(on("m1"), 1e18),
                    "compute.device = m1: 1e+18 FLOPs take 9.62e+05 s, more than 3600s; make "
                    "compute.flops_per_step smaller");
  const std::string pipe = "--network.kind=pipe";
  CHECK_THROWS_WITH(
      load_config("", {pipe, "--compute.device", "a100", "--compute.step", "1ms"}),
      "compute.step: compute.device = a100 (command line) says how long a step takes; take one "
      "away, e.g. with --compute.device '' (command line)");
  CHECK_NOTHROW(load_config("", {pipe, "--compute.device", "", "--compute.step", "1ms"}));
  CHECK_THROWS_WITH(load_config("", {pipe, "--compute.device", "b100"}),
                    Catch::StartsWith("compute.device: 'b100' "));
}

}  // namespace
}  // namespace strait
