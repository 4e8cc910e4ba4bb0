// ParameterLayout: where each parameter lies in the one flat fp32 buffer that an island trains.
//
// Order: by layer (embeddings first, then blocks, then the final norm). Every parameter starts on a
// 64-byte boundary; the padding between is zero, stays zero under every optimizer (its gradient is
// zero) and takes part in no norm. A fragment of the model is a list of ranges of this buffer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace strait {

struct Parameter {
  std::string name;  // as Hugging Face's GPT-2 names it, e.g. "h.0.attn.c_attn.weight"
  std::vector<std::int64_t> shape;  // row-major
  std::int64_t offset = 0;          // first element in the flat buffer, a multiple of 16
  std::int64_t size = 0;            // product of shape
  int layer = 0;                    // 0 = embeddings, 1..L = blocks, L+1 = final norm
  bool decayed = false;             // weight decay applies (matrices and embeddings)
};

class ParameterLayout {
 public:
  /// Appends a parameter behind the last one, aligned.
  void add(std::string name, std::vector<std::int64_t> shape, int layer, bool decayed);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Parameter& at(std::string_view name) const;  // checks that it exists

  std::int64_t size() const { return size_; }    // elements of the flat buffer, padding included
  std::int64_t count() const { return count_; }  // trained parameters, padding excluded

  /// Names, shapes, offsets and decay as one hash: islands with other layouts are refused.
  std::uint64_t hash() const;

 private:
  std::vector<Parameter> parameters_;
  std::int64_t size_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace strait
