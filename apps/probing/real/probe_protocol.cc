#include "apps/probing/real/probe_protocol.h"

#include <algorithm>
#include <vector>

#include "core/comm/wire.h"

namespace strait {
namespace {

constexpr std::array<char, 8> kRequestMagic{'S', 'T', 'R', 'P', 'R', 'O', 'B', 'E'};
constexpr std::array<char, 8> kReplyMagic{'S', 'T', 'R', 'S', 'E', 'R', 'V', 'E'};

template <std::size_t Size>
std::array<std::byte, Size> fixed(Writer& writer) {
  std::array<std::byte, Size> bytes{};
  const std::vector<std::byte> written = writer.take();
  STRAIT_CHECK(written.size() == Size, "{} bytes in the place of {}", written.size(), Size);
  std::copy(written.begin(), written.end(), bytes.begin());
  return bytes;
}

bool can_be(const ProbeRequest& request) {
  const bool kind = request.kind == ProbeKind::kEcho || request.kind == ProbeKind::kUpload ||
                    request.kind == ProbeKind::kDownload;
  const bool congestion =
      request.congestion == ProbeCongestion::kCubic || request.congestion == ProbeCongestion::kBbr;
  return kind && congestion && request.time >= Nanos{0} && request.time <= kMostProbeTime &&
         request.pacing.value >= 0;
}

}  // namespace

std::string_view name_of(ProbeCongestion congestion) {
  return congestion == ProbeCongestion::kBbr ? "bbr" : "cubic";
}

std::array<std::byte, kProbeRequestBytes> pack(const ProbeRequest& request) {
  Writer writer;
  writer.put(kRequestMagic).put(kProbeVersion);
  writer.put(request.kind).put(request.congestion).put(std::uint16_t{0});
  writer.put(request.time.count()).put(request.pacing.value).put(std::uint64_t{0});
  return fixed<kProbeRequestBytes>(writer);
}

std::array<std::byte, kProbeReplyBytes> pack(ProbeReply reply) {
  Writer writer;
  writer.put(kReplyMagic).put(kProbeVersion).put(reply);
  return fixed<kProbeReplyBytes>(writer);
}

ReadRequest read_request(std::span<const std::byte, kProbeRequestBytes> bytes) {
  Reader reader(bytes);
  if (reader.get<std::array<char, 8>>() != kRequestMagic) return {.stranger = true};
  if (reader.get<std::uint32_t>() != kProbeVersion) return {.refusal = ProbeReply::kOtherVersion};
  ReadRequest read;
  read.request.kind = reader.get<ProbeKind>();
  read.request.congestion = reader.get<ProbeCongestion>();
  reader.get<std::uint16_t>();
  read.request.time = Nanos{reader.get<std::int64_t>()};
  read.request.pacing = {reader.get<std::int64_t>()};
  if (!can_be(read.request)) read.refusal = ProbeReply::kBad;
  return read;
}

std::optional<ReadReply> read_reply(std::span<const std::byte, kProbeReplyBytes> bytes) {
  Reader reader(bytes);
  if (reader.get<std::array<char, 8>>() != kReplyMagic) return std::nullopt;
  ReadReply read;
  read.version = reader.get<std::uint32_t>();
  read.reply = reader.get<ProbeReply>();
  return read;
}

std::array<std::byte, kSenderFiguresBytes> pack(const SenderFigures& figures) {
  Writer writer;
  writer.put(figures.payload)
      .put(figures.goodput.value)
      .put(figures.segments)
      .put(figures.sent_again)
      .put(figures.in_vain);
  writer.put(figures.high_rtt.count()).put(figures.held_up.count());
  return fixed<kSenderFiguresBytes>(writer);
}

SenderFigures read_sender_figures(std::span<const std::byte, kSenderFiguresBytes> bytes) {
  Reader reader(bytes);
  // What nobody can have counted becomes something that can be reckoned with.
  const auto next = [&](std::int64_t most = kMostProbeBytes) {
    return std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, most);
  };
  SenderFigures figures;
  figures.payload = next();
  figures.goodput = {next()};
  figures.segments = next();
  figures.sent_again = next(figures.segments);
  figures.in_vain = next(figures.sent_again);
  figures.high_rtt = Nanos{next(kMostProbeTime.count())};
  figures.held_up = Nanos{next(kMostProbeTime.count())};
  return figures;
}

}  // namespace strait
