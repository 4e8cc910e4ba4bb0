#include "core/comm/hello.h"

#include <fmt/format.h>

#include <algorithm>

namespace strait {

namespace {

const std::string* find(const std::vector<HelloSetting>& settings, const std::string& key) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const HelloSetting& s) { return s.key == key; });
  return found == settings.end() ? nullptr : &found->value;
}

std::string text(const std::string* value) {
  return value == nullptr ? "nothing" : "'" + *value + "'";
}

}  // namespace

std::vector<std::byte> pack(const Hello& hello) {
  Writer writer;
  writer.put(hello.version)
      .put(hello.run_id)
      .put(hello.from)
      .put(hello.plane == Plane::kControl ? std::uint8_t{0}
                                          : static_cast<std::uint8_t>(hello.number + 1))
      .put(hello.incarnation)
      .put(hello.session)
      .put(static_cast<std::uint32_t>(hello.settings.size()));
  for (const auto& setting : hello.settings) writer.put_text(setting.key).put_text(setting.value);
  return writer.take();
}

Outcome<Hello> unpack_hello(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  Hello hello;
  hello.version = reader.get<std::uint32_t>();
  if (reader.ok() && hello.version != kProtocolVersion) return hello;
  hello.run_id = reader.get<std::uint64_t>();
  hello.from = reader.get<PeerId>();
  const auto connection = reader.get<std::uint8_t>();  // 0: control
  hello.plane = connection == 0 ? Plane::kControl : Plane::kData;
  hello.number = static_cast<std::uint8_t>(connection == 0 ? 0 : connection - 1);
  hello.incarnation = reader.get<std::uint64_t>();
  hello.session = reader.get<std::uint64_t>();
  const auto count = reader.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    std::string key = reader.get_text();
    hello.settings.push_back({std::move(key), reader.get_text()});
  }
  if (!reader.finished()) {
    return Failure{FailureKind::kMismatch, "a garbled hello"};
  }
  return hello;
}

std::string difference(const Hello& theirs, const Hello& ours) {
  const int them = index_of(theirs.from), us = index_of(ours.from);
  if (theirs.version != ours.version) {
    return fmt::format("peer {} speaks protocol version {}, peer {} version {}", them,
                       theirs.version, us, ours.version);
  }
  if (theirs.run_id != ours.run_id) {
    return fmt::format("peer {} belongs to run {:x}, peer {} to run {:x}", them, theirs.run_id, us,
                       ours.run_id);
  }
  const auto compare = [&](const std::string& key) -> std::string {
    const std::string* a = find(theirs.settings, key);
    const std::string* b = find(ours.settings, key);
    if (a != nullptr && b != nullptr && *a == *b) return {};
    return fmt::format("peers {} and {} differ in '{}': {} and {}", them, us, key, text(a),
                       text(b));
  };
  for (const auto* side : {&ours.settings, &theirs.settings}) {
    for (const auto& setting : *side) {
      std::string found = compare(setting.key);
      if (!found.empty()) return found;
    }
  }
  return {};
}

}  // namespace strait
