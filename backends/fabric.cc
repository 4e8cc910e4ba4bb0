#include "backends/fabric.h"

#include <array>
#include <string>

#include "backends/loopback/pipe.h"
#include "backends/tcp/tcp_fabric.h"
#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/io/real_loop.h"

namespace strait {

namespace {

class PipeFabric final : public Fabric {
 public:
  PipeFabric(Loop& loop, int peers) : pipe_(loop, peers) {}
  Network& endpoint(PeerId peer) override { return pipe_.endpoint(peer); }

 private:
  PipeNetwork pipe_;
};

class EmulatedFabric final : public Fabric {
 public:
  EmulatedFabric(Loop& loop, Trace& trace, const FabricOptions& options)
      : network_(loop, trace, options.description, options.emulated) {}
  Network& endpoint(PeerId peer) override { return network_.endpoint(peer); }
  std::vector<LinkRow> link_table() const override { return network_.link_table(); }
  PauseSchedule pauses(PeerId peer) const override { return network_.pauses(peer); }

 private:
  EmulatedNetwork network_;
};

using Make = std::unique_ptr<Fabric> (*)(Loop&, Trace&, const FabricOptions&);

struct Row {
  std::string_view name;
  Make make;
};

constexpr std::array kTable{
    Row{"emulated",
        [](Loop& loop, Trace& trace, const FabricOptions& options) -> std::unique_ptr<Fabric> {
          return std::make_unique<EmulatedFabric>(loop, trace, options);
        }},
    Row{"pipe",
        [](Loop& loop, Trace&, const FabricOptions& options) -> std::unique_ptr<Fabric> {
          return std::make_unique<PipeFabric>(loop, options.islands + 1);
        }},
    Row{"tcp",
        [](Loop& loop, Trace&, const FabricOptions& options) -> std::unique_ptr<Fabric> {
          auto* real = dynamic_cast<RealLoop*>(&loop);
          STRAIT_CHECK(real != nullptr, "sockets in virtual time");
          return std::make_unique<TcpFabric>(real->uv(), options.sockets);
        }},
};

}  // namespace

std::unique_ptr<Fabric> make_fabric(std::string_view name, Loop& loop, Trace& trace,
                                    const FabricOptions& options) {
  std::string known;
  for (const Row& row : kTable) {
    if (row.name == name) return row.make(loop, trace, options);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UserError("network.kind: '" + std::string(name) + "' is no network; use one of: " + known);
}

std::vector<std::string_view> fabric_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kTable) names.push_back(row.name);
  return names;
}

}  // namespace strait
