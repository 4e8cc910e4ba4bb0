// TcpLink: the link between sites of the papers' model (core/plan), with TCP on it.
#pragma once

#include "apps/papers/tcp_service.h"
#include "core/plan/bandwidth_model.h"

namespace strait {

/// Long-lived connections with one queue of bytes, from the beginning of a run on. While there is
/// something in the queue it is served as the transfer of a TcpService goes on; where it is empty,
/// the transfer stands still, and after a retransmission timeout the windows have shrunk, as
/// Linux's do (where losses keep windows small: at once to the first one).
class TcpLink : public SiteLink {
 public:
  /// `service` outlives it, and may serve others.
  explicit TcpLink(TcpService& service) : service_(service) {}

  double arrives(double now_s, double bits) override;

 private:
  TcpService& service_;
  const TransferCurve* transfer_ = nullptr;
  double begin_s_ = 0;  // of it
  double bytes_ = 0;    // queued since
  double free_s_ = 0;   // all has left
};

}  // namespace strait
