// The table of networks that everything is tested on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/test_world.h"

namespace strait {

struct NetworkRow {
  std::string name;
  std::function<std::unique_ptr<Fabric>(Loop&, Trace&, int islands)> make;
  bool real = false;  // by the wall clock only
};

inline std::unique_ptr<Fabric> emulated(Loop& loop, Trace& trace, int islands, AccessLink link,
                                        std::vector<NetworkEvent> events = {}) {
  return make_fabric(
      "emulated", loop, trace,
      {.islands = islands,
       .description = describe_network(
           std::vector<AccessLink>(static_cast<std::size_t>(islands), link), std::move(events))});
}

inline std::vector<NetworkRow> network_rows() {
  using namespace std::chrono_literals;
  return {
      {"pipe", [](Loop& loop, Trace& trace,
                  int islands) { return make_fabric("pipe", loop, trace, {.islands = islands}); }},
      {"emulated, perfect",
       [](Loop& loop, Trace& trace, int islands) { return emulated(loop, trace, islands, {}); }},
      {"emulated, narrow and far",
       [](Loop& loop, Trace& trace, int islands) {
         return emulated(loop, trace, islands,
                         {.up = megabits(2), .down = megabits(16), .delay = 75ms});
       }},
      {"emulated, with an outage in the middle",
       [](Loop& loop, Trace& trace, int islands) {
         return emulated(loop, trace, islands,
                         {.up = megabits(2), .down = megabits(2), .delay = 75ms},
                         {link_event(400ms, NetworkEventKind::kLinkDown, 0),
                          link_event(3s, NetworkEventKind::kLinkUp, 0)});
       }},
      // 300 ms there and back, 2 % loss, and all links down in the middle.
      {"emulated, bad",
       [](Loop& loop, Trace& trace, int islands) {
         const AccessLink link{
             .up = megabits(20), .down = megabits(20), .delay = 75ms, .loss_ppm = 20'000};
         std::vector<int> all;
         for (int i = 0; i < 2 * islands; ++i) all.push_back(i);
         return emulated(loop, trace, islands, link,
                         {{.time = 400ms, .kind = NetworkEventKind::kLinkDown, .links = all},
                          {.time = 2s, .kind = NetworkEventKind::kLinkUp, .links = all}});
       }},
      {"tcp",
       [](Loop& loop, Trace& trace, int islands) {
         return make_fabric("tcp", loop, trace, {.islands = islands});
       },
       /*real=*/true},
  };
}

}  // namespace strait
