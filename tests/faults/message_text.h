// What a control message says, in words, for a log.
#pragma once

#include <string>

#include "core/base/trace.h"
#include "core/comm/stream.h"
#include "core/comm/wire.h"

namespace strait {

/// Empty for heartbeats and for what is no control message.
std::string text_of(const FrameHeader& header, const Slice& message);

/// Empty for what only fills a log: computing, waking, bytes.
std::string text_of(const TraceRecord& record);

}  // namespace strait
