#include "core/io/socket_stream.h"

#include <fmt/format.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/pool.h"
#include "core/base/quantities.h"

namespace strait {

namespace {

constexpr std::array<char, 8> kMagic{'S', 'T', 'R', 'A', 'I', 'T', '\r', '\n'};
/// Reads into memory of our own, of which the receiver keeps a copy: headers and small messages.
/// A larger piece of one message is read to where it belongs.
constexpr std::size_t kScratch = 16 * 1024;
/// Slices in one call to the kernel, of which more than a megabyte gain nothing.
constexpr std::size_t kMostSlices = 64;
constexpr Bytes kMostBytes = 1 << 20;
constexpr std::size_t kMostWaiting = 256;  // accepted connections that have not said what for

using PreambleBytes = std::array<std::byte, kPreambleBytes>;

std::optional<Preamble> unpack(const PreambleBytes& bytes) {
  Preamble preamble;
  preamble.purpose = static_cast<Preamble::Purpose>(bytes[8]);
  preamble.plane = static_cast<Plane>(bytes[9]);
  std::memcpy(&preamble.from, &bytes[12], sizeof preamble.from);
  std::memcpy(&preamble.call, &bytes[16], sizeof preamble.call);
  const bool possible = std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0 &&
                        preamble.purpose >= Preamble::Purpose::kPeer &&
                        preamble.purpose <= Preamble::Purpose::kKnock &&
                        preamble.plane <= Plane::kData && index_of(preamble.from) >= 0;
  return possible ? std::optional(preamble) : std::nullopt;
}

Failure failure_of(int status, const SocketAddress& other) {
  switch (status) {
    case UV_ECONNREFUSED: return {FailureKind::kRefused, other.text() + " refuses connections"};
    case UV_EOF: return {FailureKind::kClosed, other.text() + " closed the connection"};
    case UV_ECONNRESET: return {FailureKind::kClosed, other.text() + " reset the connection"};
    case UV_ETIMEDOUT: return {FailureKind::kTimeout, other.text() + " does not answer"};
    default:
      return {FailureKind::kClosed, fmt::format("{}: {}", other.text(), ::uv_strerror(status))};
  }
}

template <class Handle>
int descriptor_of(const Handle& handle) {
  uv_os_fd_t fd = -1;
  return ::uv_fileno(reinterpret_cast<const uv_handle_t*>(&handle), &fd) == 0 ? fd : -1;
}

SocketAddress address_of(const uv_tcp_t& tcp, int (*ask)(const uv_tcp_t*, sockaddr*, int*)) {
  sockaddr_storage raw{};
  int length = sizeof raw;
  if (ask(&tcp, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return {};
  return SocketAddress(raw);
}

}  // namespace

PreambleBytes pack(const Preamble& preamble) {
  PreambleBytes bytes{};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  bytes[8] = static_cast<std::byte>(preamble.purpose);
  bytes[9] = static_cast<std::byte>(preamble.plane);
  std::memcpy(&bytes[12], &preamble.from, sizeof preamble.from);
  std::memcpy(&bytes[16], &preamble.call, sizeof preamble.call);
  return bytes;
}

/// The part that libuv knows; outlives the stream until libuv has let go of it.
struct SocketStream::Socket {
  Socket(UvLoop& l, const SocketOptions& o, Plane p) : loop(l), options(o), plane(p) {
    tcp.data = connecting.data = writing.data = this;
  }

  template <class Handle>
  static Socket& of(const Handle* handle) {
    return *static_cast<Socket*>(handle->data);
  }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }

  static void release(Socket* socket);
  bool open(int family);
  void dial(const SocketAddress& to);
  void connected(int status);
  void begin();
  void offer(Slice slice);
  void flush_later();
  void flush();
  std::size_t gather(std::vector<uv_buf_t>& buffers, Bytes& bytes) const;
  void sent(Bytes bytes);
  void tell_writable();
  void end(Failure failure);
  void end_later(Failure failure);
  Bytes room() const;

  static void on_memory(uv_handle_t* handle, std::size_t, uv_buf_t* buffer);
  static void on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer);

  UvLoop& loop;
  const SocketOptions options;
  Plane plane;
  SocketAddress other;
  uv_tcp_t tcp{};
  uv_connect_t connecting{};
  uv_write_t writing{};
  bool has_handle = false;
  bool is_connected = false;
  bool reads = false;
  bool over = false;     // nothing more is sent or told
  bool blocked = false;  // the kernel is full; libuv tells when it is not
  bool full = false;     // room() was not positive
  bool flushes = false;
  StreamEvents* events = nullptr;
  std::deque<Slice, PoolAllocator<Slice>> queue;  // the first perhaps in part
  Bytes queued = 0;
  TimerId deadline = TimerId::kNone;
  PreambleBytes preamble{};                      // that whoever dialled sends
  std::size_t preamble_filled = kPreambleBytes;  // of an accepted connection's
  std::function<void(std::optional<Preamble>)> greeted;
  std::shared_ptr<Socket*> alive = std::make_shared<Socket*>(this);
};

void SocketStream::Socket::release(Socket* socket) {
  *socket->alive = nullptr;
  socket->events = nullptr;
  socket->over = true;
  socket->loop.cancel(socket->deadline);
  if (!socket->has_handle) return delete socket;
  const bool drops = socket->queued > 0;  // then what the kernel holds is of no use either
  std::exchange(socket->queue, {}).clear();
  const auto closed = [](uv_handle_t* handle) { delete &of(handle); };
  if (drops && socket->is_connected && ::uv_tcp_close_reset(&socket->tcp, closed) == 0) return;
  ::uv_close(reinterpret_cast<uv_handle_t*>(&socket->tcp), closed);
}

/// False if the machine has no socket left, which ends the stream later.
bool SocketStream::Socket::open(int family) {
  const int status = ::uv_tcp_init_ex(loop.handle(), &tcp, static_cast<unsigned>(family));
  has_handle = status == 0;
  if (has_handle) {
    if (family != AF_UNSPEC) prepare_socket(descriptor_of(tcp), options);
    return true;
  }
  end_later(failure_of(status, other));
  return false;
}

void SocketStream::Socket::dial(const SocketAddress& to) {
  other = to;
  if (!open(to.family())) return;
  const int status =
      ::uv_tcp_connect(&connecting, &tcp, to.raw(), [](uv_connect_t* request, int s) {
        if (s == UV_ECANCELED) return;  // we closed
        Socket& socket = of(request);
        socket.loop.happens([&] { socket.connected(s); });
      });
  if (status != 0) return end_later(failure_of(status, other));
  deadline = loop.at(loop.now() + options.dial_timeout, [this] {
    end({FailureKind::kTimeout, fmt::format("{} has not answered for {}", other.text(),
                                            format_duration(options.dial_timeout))});
  });
}

void SocketStream::Socket::connected(int status) {
  loop.cancel(std::exchange(deadline, TimerId::kNone));
  if (over) return;
  if (status != 0) return end(failure_of(status, other));
  // The socket is new and empty, so it takes these few bytes.
  const auto first = ::uv_buf_init(reinterpret_cast<char*>(preamble.data()), kPreambleBytes);
  const int written = ::uv_try_write(stream(), &first, 1);
  if (written < 0) return end(failure_of(written, other));
  STRAIT_CHECK(written == kPreambleBytes, "a new socket takes {} bytes", written);
  begin();
}

/// The connection stands: what has waited leaves.
void SocketStream::Socket::begin() {
  is_connected = true;
  if (plane == Plane::kData) limit_unsent(descriptor_of(tcp), options.unsent);
  if (!reads && events != nullptr) {
    reads = true;
    ::uv_read_start(stream(), on_memory, on_read);
  }
  if (queued > 0) flush_later();
}

void SocketStream::Socket::offer(Slice slice) {
  if (over || slice.size() == 0) return;
  queued += slice.size();
  queue.push_back(std::move(slice));
  if (room() <= 0) full = true;
  if (is_connected && !blocked) flush_later();
}

/// All that is offered in this instant goes in one call.
void SocketStream::Socket::flush_later() {
  if (std::exchange(flushes, true)) return;
  loop.post([alive = alive] {
    if (*alive == nullptr) return;
    (*alive)->flushes = false;
    (*alive)->flush();
  });
}

std::size_t SocketStream::Socket::gather(std::vector<uv_buf_t>& buffers, Bytes& bytes) const {
  buffers.clear();
  bytes = 0;
  for (const Slice& slice : queue) {
    if (buffers.size() == kMostSlices || bytes >= kMostBytes) break;
    // libuv does not write to it.
    auto* data = reinterpret_cast<char*>(const_cast<std::byte*>(slice.bytes.data()));
    buffers.push_back(::uv_buf_init(data, static_cast<unsigned>(slice.bytes.size())));
    bytes += slice.size();
  }
  return buffers.size();
}

void SocketStream::Socket::flush() {
  static thread_local std::vector<uv_buf_t> buffers;
  while (!queue.empty() && !over && !blocked) {
    Bytes bytes = 0;
    const auto count = static_cast<unsigned>(gather(buffers, bytes));
    int written = ::uv_try_write(stream(), buffers.data(), count);
    if (written < 0 && written != UV_EAGAIN) return end(failure_of(written, other));
    if (written > 0) sent(written);
    if (written == bytes) continue;
    // libuv waits for the kernel with the rest of one slice.
    Slice& rest = queue.front();
    auto* data = reinterpret_cast<char*>(const_cast<std::byte*>(rest.bytes.data()));
    const auto buffer = ::uv_buf_init(data, static_cast<unsigned>(rest.bytes.size()));
    blocked = true;
    const int status =
        ::uv_write(&writing, stream(), &buffer, 1, [](uv_write_t* request, int failed) {
          if (failed == UV_ECANCELED) return;  // we closed
          Socket& socket = of(request);
          socket.loop.happens([&] {
            socket.blocked = false;
            if (socket.over) return;
            if (failed != 0) return socket.end(failure_of(failed, socket.other));
            socket.sent(socket.queue.front().size());
            socket.flush();
          });
        });
    if (status != 0) return end(failure_of(status, other));
  }
  if (!over) tell_writable();
}

/// The kernel has these bytes: their memory is let go.
void SocketStream::Socket::sent(Bytes bytes) {
  queued -= bytes;
  while (bytes > 0) {
    Slice& first = queue.front();
    if (bytes < first.size()) {
      first.bytes = first.bytes.subspan(static_cast<std::size_t>(bytes));
      return;
    }
    bytes -= first.size();
    const Slice done = std::move(first);
    queue.pop_front();
  }
}

void SocketStream::Socket::tell_writable() {
  if (!full || room() <= 0) return;
  full = false;
  if (events != nullptr) events->writable();
}

/// The last up-call. Perhaps the end of this object's stream.
void SocketStream::Socket::end(Failure failure) {
  if (std::exchange(over, true)) return;
  loop.cancel(std::exchange(deadline, TimerId::kNone));
  if (has_handle) ::uv_read_stop(stream());
  const auto dropped = std::exchange(queue, {});
  queued = 0;
  if (greeted) return std::exchange(greeted, nullptr)(std::nullopt);
  StreamEvents* listener = std::exchange(events, nullptr);
  if (listener != nullptr) listener->closed(std::move(failure));
}

void SocketStream::Socket::end_later(Failure failure) {
  loop.post([alive = alive, failure = std::move(failure)] {
    if (*alive != nullptr) (*alive)->end(failure);
  });
}

Bytes SocketStream::Socket::room() const { return options.unsent - queued; }

void SocketStream::Socket::on_memory(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  static thread_local std::array<char, kScratch> scratch;
  Socket& s = of(handle);
  if (s.preamble_filled < kPreambleBytes) {
    *buffer = ::uv_buf_init(reinterpret_cast<char*>(s.preamble.data()) + s.preamble_filled,
                            static_cast<unsigned>(kPreambleBytes - s.preamble_filled));
    return;
  }
  const std::span<std::byte> place =
      s.events == nullptr ? std::span<std::byte>() : s.events->place();
  if (place.size() >= kScratch) {
    *buffer =
        ::uv_buf_init(reinterpret_cast<char*>(place.data()), static_cast<unsigned>(place.size()));
  } else {
    *buffer = ::uv_buf_init(scratch.data(), kScratch);
  }
}

void SocketStream::Socket::on_read(uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
  Socket& s = of(handle);
  if (count == 0 || s.over) return;
  s.loop.happens([&] {
    if (count < 0) return s.end(failure_of(static_cast<int>(count), s.other));
    if (s.preamble_filled < kPreambleBytes) {
      s.preamble_filled += static_cast<std::size_t>(count);
      if (s.preamble_filled < kPreambleBytes) return;
      ::uv_read_stop(handle);
      s.reads = false;
      return std::exchange(s.greeted, nullptr)(unpack(s.preamble));
    }
    const auto* bytes = reinterpret_cast<const std::byte*>(buffer->base);
    if (s.events != nullptr) {
      s.events->arrived({{bytes, static_cast<std::size_t>(count)}, nullptr});
    }
  });
}

// ---------------------------------------------------------------------------------------------

SocketStream::SocketStream(UvLoop& loop, const SocketOptions& options, Plane plane)
    : socket_(new Socket(loop, options, plane), &Socket::release) {}

SocketStream::~SocketStream() = default;

void SocketStream::connect(const SocketAddress& to, const Preamble& preamble) {
  socket_->preamble = pack(preamble);
  socket_->dial(to);
}

void SocketStream::end_when_other_is_silent() {
  if (socket_->has_handle) end_when_silent(descriptor_of(socket_->tcp));
}

void SocketStream::fail(Failure failure) { socket_->end_later(std::move(failure)); }

void SocketStream::adopt(SocketStream& accepted) {
  Socket& theirs = *accepted.socket_;
  theirs.events = std::exchange(socket_->events, nullptr);
  theirs.plane = socket_->plane;
  theirs.queue = std::exchange(socket_->queue, {});
  theirs.queued = std::exchange(socket_->queued, 0);
  theirs.full = socket_->full;
  socket_.swap(accepted.socket_);
  socket_->begin();
}

void SocketStream::listen(StreamEvents& events) {
  socket_->events = &events;
  if (socket_->is_connected) socket_->begin();
}

void SocketStream::offer(Slice head, Slice body) {
  socket_->offer(std::move(head));
  socket_->offer(std::move(body));
}

Bytes SocketStream::room() const { return socket_->room(); }

const SocketAddress& SocketStream::other_side() const { return socket_->other; }

std::optional<StreamFigures> SocketStream::figures() const {
  const Socket& s = *socket_;
  return s.is_connected ? socket_figures(descriptor_of(s.tcp)) : std::nullopt;
}

// ---------------------------------------------------------------------------------------------

struct SocketListener::State {
  State(UvLoop& l, const SocketOptions& o, Accept a) : loop(l), options(o), accept(std::move(a)) {
    tcp.data = this;
  }

  void connection(int status);
  void greeted(SocketStream* stream, const std::optional<Preamble>& preamble);

  UvLoop& loop;
  const SocketOptions options;
  const Accept accept;
  SocketAddress address;
  uv_tcp_t tcp{};
  bool has_handle = false;
  std::deque<std::unique_ptr<SocketStream>> waiting;   // for their preambles
  std::vector<std::unique_ptr<SocketStream>> dropped;  // freed by a later event
  std::shared_ptr<State*> alive = std::make_shared<State*>(this);
};

void SocketListener::State::connection(int status) {
  if (status != 0) return;  // out of descriptors, for instance; the next one may do
  auto stream = std::make_unique<SocketStream>(loop, options, Plane::kControl);
  SocketStream::Socket& socket = *stream->socket_;
  if (!socket.open(AF_UNSPEC)) return;
  if (::uv_accept(reinterpret_cast<uv_stream_t*>(&tcp), socket.stream()) != 0) return;
  prepare_socket(descriptor_of(socket.tcp), options);
  socket.other = address_of(socket.tcp, &::uv_tcp_getpeername);
  socket.preamble_filled = 0;
  socket.reads = true;
  socket.greeted = [this, raw = stream.get()](const std::optional<Preamble>& preamble) {
    greeted(raw, preamble);
  };
  socket.deadline = loop.at(loop.now() + options.dial_timeout, [&socket] {
    socket.end({FailureKind::kTimeout, "it says nothing"});
  });
  ::uv_read_start(socket.stream(), SocketStream::Socket::on_memory, SocketStream::Socket::on_read);
  if (waiting.size() == kMostWaiting) waiting.pop_front();
  waiting.push_back(std::move(stream));
}

void SocketListener::State::greeted(SocketStream* stream, const std::optional<Preamble>& preamble) {
  const auto found = std::find_if(waiting.begin(), waiting.end(),
                                  [&](const auto& w) { return w.get() == stream; });
  STRAIT_CHECK(found != waiting.end(), "a connection that nobody accepted");
  std::unique_ptr<SocketStream> taken = std::move(*found);
  waiting.erase(found);
  SocketStream::Socket& socket = *taken->socket_;
  loop.cancel(std::exchange(socket.deadline, TimerId::kNone));
  if (!preamble) {
    dropped.push_back(std::move(taken));
    loop.post([a = alive] {
      if (*a != nullptr) std::exchange((*a)->dropped, {}).clear();
    });
    return;
  }
  socket.plane = preamble->plane;
  socket.is_connected = true;
  accept(*preamble, std::move(taken));
}

SocketListener::SocketListener(UvLoop& loop, const SocketOptions& options,
                               const SocketAddress& address, const std::string& where,
                               Accept accept)
    : state_(new State(loop, options, std::move(accept)), [](State* state) {
        *state->alive = nullptr;
        state->waiting.clear();
        state->dropped.clear();
        if (!state->has_handle) return delete state;
        ::uv_close(reinterpret_cast<uv_handle_t*>(&state->tcp),
                   [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
      }) {
  State& s = *state_;
  const auto check = [&](int status) {
    if (status == 0) return;
    const std::string_view fix =
        status == UV_EADDRINUSE      ? "; choose another port, or end who has it"
        : status == UV_EADDRNOTAVAIL ? "; write an address of this machine, or 0.0.0.0 for all"
                                     : "";
    throw UserError(fmt::format("{}: cannot listen on {}: {}{}", where, address.text(),
                                ::uv_strerror(status), fix));
  };
  check(::uv_tcp_init_ex(loop.handle(), &s.tcp, static_cast<unsigned>(address.family())));
  s.has_handle = true;
  prepare_socket(descriptor_of(s.tcp), options);
  check(::uv_tcp_bind(&s.tcp, address.raw(), 0));
  check(
      ::uv_listen(reinterpret_cast<uv_stream_t*>(&s.tcp), 512, [](uv_stream_t* server, int status) {
        State& state = *static_cast<State*>(server->data);
        state.loop.happens([&] { state.connection(status); });
      }));
  s.address = address_of(s.tcp, &::uv_tcp_getsockname);
}

SocketListener::~SocketListener() = default;

const SocketAddress& SocketListener::address() const { return state_->address; }

}  // namespace strait
