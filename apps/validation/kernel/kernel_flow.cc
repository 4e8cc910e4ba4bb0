#include "apps/validation/kernel/kernel_flow.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <latch>
#include <mutex>
#include <thread>

#include "core/base/errors.h"
#include "core/base/wall_clock.h"
#include "core/io/priority.h"

namespace strait {
namespace {

constexpr int kHostPriority = 10;  // below the relay's
constexpr int kFirstPort = 5600;
constexpr std::size_t kBlock = 256 << 10;  // bytes a system call
constexpr timeval kStalled{.tv_sec = 300};

[[noreturn]] void fail(std::string_view call) {
  throw std::runtime_error(
      fmt::format("a measured connection failed: {}: {}", call,
                  errno == EAGAIN ? "nothing moved for five minutes" : std::strerror(errno)));
}

void must(bool done, std::string_view call) {
  if (!done) fail(call);
}

template <class Value>
void set_option(int socket, int level, int option, const Value& value) {
  must(::setsockopt(socket, level, option, &value, sizeof value) == 0, "setsockopt");
}

void send_all(int socket, Bytes bytes) {
  static const std::vector<char> block(kBlock, 'x');
  while (bytes > 0) {
    const auto most = std::min(block.size(), static_cast<std::size_t>(bytes));
    const ssize_t sent = ::send(socket, block.data(), most, MSG_NOSIGNAL);
    must(sent > 0, "send");
    bytes -= sent;
  }
}

void receive_all(int socket, Bytes bytes) {
  std::vector<char> block(kBlock);
  while (bytes > 0) {
    const auto most = std::min(block.size(), static_cast<std::size_t>(bytes));
    const ssize_t received = ::recv(socket, block.data(), most, 0);
    must(received > 0, "recv");
    bytes -= received;
  }
}

/// How many pieces of a ring have come to each host.
class Pieces {
 public:
  explicit Pieces(int hosts) : counts_(static_cast<std::size_t>(hosts)) {}

  void add(int host) {
    const std::lock_guard lock(mutex_);
    ++counts_[static_cast<std::size_t>(host)];
    changed_.notify_all();
  }
  void wait_for(int host, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return given_up_ || counts_[static_cast<std::size_t>(host)] >= count; });
    if (given_up_) throw std::runtime_error("another flow of the ring failed");
  }
  void give_up() {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> counts_;
  bool given_up_ = false;
};

class Transfers {
 public:
  Transfers(const KernelCase& c, const std::vector<HostNamespace>& hosts)
      : case_(c), received_(c.hosts) {
    connect_all(hosts);
  }

  TransferReport run() {
    if (case_.idle_before) {
      all_at_once([this](Flow& flow) { send_and_hear(flow); },
                  [this](Flow& flow) { receive_and_answer(flow); });
      std::this_thread::sleep_for(*case_.idle_before);
    }
    all_at_once([this](Flow& flow) { send(flow); }, [this](Flow& flow) { receive(flow); });
    return report();
  }

 private:
  struct Flow {
    int from = 0, to = 0;
    OwnedFile sender, receiver;
    Nanos began{0};  // the first write
    Nanos ended{0};  // the last byte
  };

  /// All handshakes at once, as the emulator has them.
  void connect_all(const std::vector<HostNamespace>& hosts) {
    std::vector<OwnedFile> listeners;
    for (const auto& [from, to] : case_.ends()) {
      const sockaddr_in at{
          .sin_family = AF_INET,
          .sin_port = htons(static_cast<std::uint16_t>(kFirstPort + flows_.size())),
          .sin_addr = address_of(to)};
      const auto* address = reinterpret_cast<const sockaddr*>(&at);
      Flow flow{.from = from, .to = to};
      OwnedFile listener;
      host(hosts, to).inside([&] { listener = tcp_socket(case_.congestion_control); });
      must(::bind(listener.get(), address, sizeof at) == 0, "bind");
      must(::listen(listener.get(), 1) == 0, "listen");
      host(hosts, from).inside([&] { flow.sender = tcp_socket(case_.congestion_control); });
      ::fcntl(flow.sender.get(), F_SETFL, O_NONBLOCK);
      must(::connect(flow.sender.get(), address, sizeof at) == 0 || errno == EINPROGRESS,
           "connect");
      listeners.push_back(std::move(listener));
      flows_.push_back(std::move(flow));
    }
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      flows_[i].receiver = OwnedFile(::accept4(listeners[i].get(), nullptr, nullptr, SOCK_CLOEXEC));
      must(flows_[i].receiver.get() >= 0, "accept");
      ::fcntl(flows_[i].sender.get(), F_SETFL, 0);
      // Closed by a reset, so that nothing of it outlives its namespace.
      for (const OwnedFile* end : {&flows_[i].sender, &flows_[i].receiver}) {
        set_option(end->get(), SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
        set_option(end->get(), SOL_SOCKET, SO_RCVTIMEO, kStalled);
        set_option(end->get(), SOL_SOCKET, SO_SNDTIMEO, kStalled);
      }
    }
  }

  static const HostNamespace& host(const std::vector<HostNamespace>& hosts, int index) {
    return hosts[static_cast<std::size_t>(index)];
  }

  // --- what the two ends of a flow do, each on a thread of its own ---

  void send_and_hear(Flow& flow) const {
    send_all(flow.sender.get(), case_.bytes);
    receive_all(flow.sender.get(), 1);
  }
  void receive_and_answer(Flow& flow) const {
    receive_all(flow.receiver.get(), case_.bytes);
    send_all(flow.receiver.get(), 1);
  }
  void send(Flow& flow) {
    flow.began = monotonic_now();
    for (int piece = 0; piece < case_.pieces(); ++piece) {
      if (case_.ring) received_.wait_for(flow.from, piece);
      send_all(flow.sender.get(), case_.piece());
    }
  }
  void receive(Flow& flow) {
    for (int piece = 0; piece < case_.pieces(); ++piece) {
      receive_all(flow.receiver.get(), case_.piece());
      received_.add(flow.to);
    }
    flow.ended = monotonic_now();
  }

  /// Ends when all have ended. If one fails all do, and the first failure is thrown.
  template <class Send, class Receive>
  void all_at_once(Send send, Receive receive) {
    std::latch start(static_cast<std::ptrdiff_t>(2 * flows_.size()));
    std::mutex mutex;
    std::exception_ptr failure;
    const auto guarded = [&](const auto& work, Flow& flow) {
      const RaisedPriority priority(kHostPriority);
      start.arrive_and_wait();
      try {
        work(flow);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        give_up();
      }
    };
    std::vector<std::thread> threads;
    for (Flow& flow : flows_) {
      threads.emplace_back([&] { guarded(receive, flow); });
      threads.emplace_back([&] { guarded(send, flow); });
    }
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
  }

  void give_up() {
    received_.give_up();
    for (const Flow& flow : flows_) {
      ::shutdown(flow.sender.get(), SHUT_RDWR);
      ::shutdown(flow.receiver.get(), SHUT_RDWR);
    }
  }

  TransferReport report() const {
    TransferReport report;
    Nanos first = kNever, last{0};
    for (const Flow& flow : flows_) {
      first = std::min(first, flow.began);
      last = std::max(last, flow.ended);
      tcp_info info{};
      socklen_t size = sizeof info;
      must(::getsockopt(flow.sender.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
      report.flows.push_back(flow.ended - flow.began);
      report.retransmitted += info.tcpi_total_retrans;
      if (report.flows.size() == 1) report.least_rtt = std::chrono::microseconds(info.tcpi_min_rtt);
    }
    report.time = last - first;
    return report;
  }

  const KernelCase& case_;
  Pieces received_;
  std::vector<Flow> flows_;
};

}  // namespace

TransferReport run_transfers(const KernelCase& c, const std::vector<HostNamespace>& hosts) {
  return Transfers(c, hosts).run();
}

OwnedFile tcp_socket(const std::string& congestion_control) {
  OwnedFile file(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  must(file.get() >= 0, "socket");
  if (::setsockopt(file.get(), IPPROTO_TCP, TCP_CONGESTION, congestion_control.data(),
                   static_cast<socklen_t>(congestion_control.size())) != 0) {
    throw UserError(
        fmt::format("--kernel: this kernel has no congestion control '{}': {}; run "
                    "modprobe tcp_{}, or take out the cases with it",
                    congestion_control, std::strerror(errno), congestion_control));
  }
  set_option(file.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(file.get(), SOL_SOCKET, SO_RCVTIMEO, kStalled);
  return file;
}

}  // namespace strait
