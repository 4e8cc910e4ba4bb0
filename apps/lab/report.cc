#include "apps/lab/report.h"

#include <fmt/format.h>

#include "apps/output/human.h"
#include "apps/output/table.h"

namespace strait {
namespace {

std::string interface_row(std::size_t host, std::string_view way, std::int64_t packets,
                          Bytes bytes) {
  return fmt::format("interface,{}.{},{},{},,,,,,\n", host, way, packets,
                     bytes + packets * kLinkHeader);
}

std::string lateness(const RelayReport& relay) {
  std::string text =
      fmt::format("relay: {} packets, late by {} on average, {} at most, over 1 ms for {:.2f} %\n",
                  human_count(relay.forwarded), human_time(relay.late_mean()),
                  human_time(relay.late_max), 100 * relay.late_share());
  if (is_late(relay.late_share())) {
    text +=
        "late for more than 1 % of the packets: this was a worse network than the one asked for; "
        "run less beside it\n";
  }
  return text;
}

}  // namespace

std::string lab_table(const LabReport& report) {
  Table table({{"link"},
               {"packets", Align::kRight},
               {"bytes", Align::kRight},
               {"passed", Align::kRight},
               {"dropped", Align::kRight},
               {"lost", Align::kRight}});
  for (std::size_t i = 0; i < report.links.size(); ++i) {
    const RelayCounters& link = report.relay.links[i];
    if (link.came.packets == 0) continue;
    table.row({report.links[i], human_count(link.came.packets), human_count(link.came.bytes),
               human_count(link.passed().packets), human_count(link.dropped.packets),
               human_count(link.lost.packets)});
  }
  std::string text = table.text() + '\n' + lateness(report.relay);
  for (std::size_t host = 0; host < report.hosts.size(); ++host) {
    if (report.hosts[host].dropped == 0) continue;
    text += fmt::format("the interface of island {} dropped {} packets, which no link did\n", host,
                        report.hosts[host].dropped);
  }
  return text;
}

std::string lab_csv(const LabReport& report) {
  std::string text =
      "kind,name,packets,bytes,passed_packets,passed_bytes,dropped_packets,dropped_bytes,"
      "lost_packets,lost_bytes\n";
  for (std::size_t i = 0; i < report.links.size(); ++i) {
    const RelayCounters& link = report.relay.links[i];
    const PacketCount passed = link.passed();
    text += fmt::format("link,{},{},{},{},{},{},{},{},{}\n", report.links[i], link.came.packets,
                        link.came.bytes, passed.packets, passed.bytes, link.dropped.packets,
                        link.dropped.bytes, link.lost.packets, link.lost.bytes);
  }
  for (std::size_t host = 0; host < report.hosts.size(); ++host) {
    const InterfaceCounters& wan = report.hosts[host];
    text += interface_row(host, "out", wan.packets_out, wan.bytes_out);
    text += interface_row(host, "in", wan.packets_in, wan.bytes_in);
  }
  return text;
}

}  // namespace strait
