// The codecs, one file each, with the twin they run on (tests compare the twins). Everybody else
// takes make_codec(name) from core/comm/codec.h.
//
// Speed on one core (AMD EPYC with AVX-512, 64 MiB of fp32, math_bench), as memory traffic read and
// written relative to memcpy's: int8 encode 0.9-1.0, decode 0.94, decode_add 1.6-1.7; bf16 encode
// 0.7-0.9, decode 0.8-0.9, decode_add 1.5-1.7; fp32 decode_add 1.3-1.7. So all are as fast as
// memory; the plain-x86-64 twins are, too, but for the encoders (0.5 int8, 0.3-0.4 bf16).
//
// A new codec is one file, its maker here and its row in table.cc.
#pragma once

#include <memory>

#include "core/base/simd.h"
#include "core/comm/codec.h"

namespace strait {

/// The floats themselves, little-endian: 4 bytes per value, no loss.
std::unique_ptr<Codec> make_fp32_codec(Simd simd = best_simd());

/// The upper half of each float, rounded to nearest even: 2 bytes per value.
std::unique_ptr<Codec> make_bf16_codec(Simd simd = best_simd());

/// int8 with one fp32 scale per 128 values: 1.031 bytes per value, error at most half a scale.
std::unique_ptr<Codec> make_int8_codec(Simd simd = best_simd());

}  // namespace strait
