// A network from the CSV files that a scenario names; docs/SCENARIOS.md describes their columns.
//
//   links.csv        island,up,down,LINK                   an access link per island, or
//                    from,to,rate,LINK[,via]               a link per ordered pair of islands
//   islands.csv      island[,name][,region][,step][,speed][,jitter][,start]
//   regions.csv      from,to,LINK[,rate]                   what lies between regions
//   bottlenecks.csv  name,from,to,rate,LINK                links that many paths share
//   events.csv       time,kind,subject,value               what happens to links and islands
//   a trace          time,rate,delay[,loss]                named by an event; other formats too
//                                                          (netsim/trace_files.h)
//   LINK is          delay[,loss][,jitter][,bursts][,queue]
//
// Everything is read before a run. Every mistake is a UserError of one line with file, line,
// column, the value and a right one; so is what cannot be, such as a link that comes up without
// having gone down or an island that joins while it is there.
#pragma once

#include <string>

#include "netsim/description.h"

namespace strait {

struct NetworkFiles {
  std::string links;
  std::string islands;  // these four may be empty: none
  std::string bottlenecks;
  std::string events;
  std::string regions;
};

/// `islands` of them; the coordinator is beside island 0.
NetworkDescription read_network(const NetworkFiles& files, int islands, std::uint64_t seed);

}  // namespace strait
