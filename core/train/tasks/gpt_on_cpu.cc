// A step takes its batch a few sequences at a time, so that what one operation writes is still in
// the cache when the next one reads it, and gradients add up over these parts. Biases, residuals
// and activations join their neighbours (gpt_kernels.h), and a weight's gradient is added where it
// belongs by the matrix product that makes it. LibTorch gives the products and the threads.
//
// Memory beside the flat buffers: per token of one part some 12 x width + 4 x attention width
// floats a block, and once 8 x width + 4 x attention width + vocabulary; per thread attention's
// scratch memory, 128 x T floats.
#include <ATen/Parallel.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "core/base/check.h"
#include "core/train/flat_buffer.h"
#include "core/train/tasks/attention.h"
#include "core/train/tasks/gpt_kernels.h"
#include "core/train/tasks/gpt_passes.h"
#include "core/train/tasks/gpt_weights.h"

namespace strait {
namespace {

// Elements that are worth a thread of their own.
constexpr std::int64_t kGrain = 16384;

using Weights = GptWeights<Matrix<float>>;

// One matrix per parameter, in the layout's order.
std::vector<Matrix<float>> views_into(std::span<float> flat, const GptOptions& options) {
  const ParameterLayout layout = gpt_layout(options);
  STRAIT_CHECK(std::ssize(flat) == layout.size(), "{} floats for a layout of {}", flat.size(),
               layout.size());
  std::vector<Matrix<float>> views;
  for (const Parameter& parameter : layout.parameters()) {
    const std::int64_t columns = parameter.shape.back();
    views.push_back({flat.data() + parameter.offset, parameter.size / columns, columns, columns});
  }
  return views;
}

// A matrix with its memory: what a pass keeps for the next one.
class Kept : public Matrix<float> {
 public:
  Kept(std::int64_t height, std::int64_t width)
      : Matrix{nullptr, height, width, width}, memory_(static_cast<std::size_t>(height * width)) {
    data = memory_.data();
  }
  Kept(Kept&&) = default;

 private:
  FlatBuffer memory_;
};

template <class Work>
void by_rows(Matrix<const float> x, const Work& work) {
  at::parallel_for(0, x.rows, std::max<std::int64_t>(1, kGrain / x.columns), work);
}

template <class Work>
void by_columns(Matrix<const float> x, const Work& work) {
  at::parallel_for(0, x.columns, std::max<std::int64_t>(16, kGrain / x.rows), work);
}

// A LayerNorm of one part of a batch.
struct Normed {
  Normed(std::int64_t rows, std::int64_t width) : y(rows, width), mean(1, rows), scale(1, rows) {}

  RowMoments moments(std::int64_t row = 0) const { return {mean.data + row, scale.data + row}; }

  void forward(Matrix<const float> x, const Weights::Norm& norm) const {
    by_rows(x, [&](std::int64_t begin, std::int64_t end) {
      layer_norm(x.rows_of(begin, end), norm.weight.data, norm.bias.data, y.rows_of(begin, end),
                 moments(begin));
    });
  }

  // Adds to dx.
  void backward(Matrix<const float> dy, Matrix<const float> x, const Weights::Norm& norm,
                const Weights::Norm& gradient, Matrix<float> dx) const {
    by_columns(x, [&](std::int64_t begin, std::int64_t end) {
      layer_norm_weights_backward(dy.columns_of(begin, end), x.columns_of(begin, end), moments(),
                                  gradient.weight.data + begin, gradient.bias.data + begin);
    });
    by_rows(x, [&](std::int64_t begin, std::int64_t end) {
      layer_norm_backward(dy.rows_of(begin, end), x.rows_of(begin, end), moments(begin),
                          norm.weight.data, dx.rows_of(begin, end));
    });
  }

  Kept y;
  Kept mean, scale;  // [1, rows]
};

// out = x + in * weight + bias
void add_projected(Matrix<const float> x, Matrix<const float> in, const Weights::Linear& linear,
                   Matrix<float> out) {
  by_rows(x, [&](std::int64_t begin, std::int64_t end) {
    add_bias(x.rows_of(begin, end), linear.bias.data, out.rows_of(begin, end));
  });
  product(in, linear.weight, Into::kAdd, out);
}

void add_bias_gradient(Matrix<const float> dy, Matrix<float> dbias) {
  by_columns(dy, [&](std::int64_t begin, std::int64_t end) {
    add_column_sums(dy.columns_of(begin, end), dbias.data + begin);
  });
}

// y = in * weight: adds the weight's gradient, and gives that of `in`.
void product_backward(Matrix<const float> dy, Matrix<const float> in, Matrix<const float> weight,
                      Matrix<float> dweight, Matrix<float> din) {
  product(transposed(in), dy, Into::kAdd, dweight);
  product(dy, transposed(weight), Into::kOverwrite, din);
}

// What the backward pass of a block reads, of one part of a batch: [rows, ...] each.
struct BlockActivations {
  BlockActivations(std::int64_t rows, const GptOptions& options)
      : normed_1(rows, options.width),
        qkv(rows, 3 * options.attention_width()),
        mixed(rows, options.attention_width()),
        log_sums(options.heads, rows),
        middle(rows, options.width),
        normed_2(rows, options.width),
        hidden(rows, 4 * options.width),
        slope(rows, 4 * options.width) {}

  Normed normed_1;
  Kept qkv;
  Kept mixed;     // attention's result
  Kept log_sums;  // of attention's exponentials: per sequence, head and query
  Kept middle;    // the residual stream between attention and MLP
  Normed normed_2;
  Kept hidden;  // GELU's result
  Kept slope;   // GELU's derivative
};

// Memory for `sequences` sequences at once.
struct Workspace {
  Workspace(std::int64_t at_once, const GptOptions& options)
      : sequences(at_once),
        rows(at_once * options.context),
        normed(rows, options.width),
        logits(rows, options.vocabulary),
        losses(static_cast<std::size_t>(rows)),
        d_stream(rows, options.width),
        d_normed(rows, options.width),
        d_mixed(rows, options.attention_width()),
        d_qkv(rows, 3 * options.attention_width()),
        d_hidden(rows, 4 * options.width),
        scratch(at::get_num_threads(), attention_scratch(options.context)) {
    for (std::int64_t i = 0; i <= options.layers; ++i) stream.emplace_back(rows, options.width);
    for (std::int64_t i = 0; i < options.layers; ++i) blocks.emplace_back(rows, options);
  }

  std::int64_t sequences;
  std::int64_t rows;         // tokens
  std::vector<Kept> stream;  // the residual stream before each block and behind the last
  std::vector<BlockActivations> blocks;
  Normed normed;
  Kept logits;  // later their gradient
  std::vector<double> losses;

  Kept d_stream;
  Kept d_normed;
  Kept d_mixed;
  Kept d_qkv;
  Kept d_hidden;
  Kept scratch;  // of attention, a row per thread
};

// Sequences of tokens that lie `stride` apart.
struct Tokens {
  const std::int64_t* first;
  std::int64_t stride;

  const std::int64_t* sequence(std::int64_t i) const { return first + i * stride; }
};

class GptOnCpu final : public GptPasses {
 public:
  GptOnCpu(const GptOptions& options, std::span<float> parameters, std::span<float> gradients)
      : options_(options),
        weights_(views_into(parameters, options), options),
        gradients_(views_into(gradients, options), options) {}

  void accumulate_gradient(std::span<const std::int64_t> inputs,
                           std::span<const std::int64_t> targets, float scale) override {
    const std::int64_t length = options_.context;
    const std::int64_t sequences = std::ssize(inputs) / length;
    const float of_token = scale / static_cast<float>(inputs.size());
    double sum = 0;
    for_parts(sequences, [&](std::int64_t begin) {
      const Tokens in{inputs.data() + begin * length, length};
      forward(weights_, in);
      sum += loss({targets.data() + begin * length, length}, of_token);
      backward(in);
    });
    losses_.push_back(sum / static_cast<double>(inputs.size()));
  }

  std::vector<double> take_losses() override { return std::exchange(losses_, {}); }

  double mean_loss(std::span<const float> parameters,
                   std::span<const std::int64_t> windows) override {
    const std::span flat(const_cast<float*>(parameters.data()), parameters.size());  // only read
    const Weights weights(views_into(flat, options_), options_);
    const std::int64_t length = options_.context + 1;
    const std::int64_t count = std::ssize(windows) / length;
    double sum = 0;
    for_parts(count, [&](std::int64_t begin) {
      const std::int64_t* first = windows.data() + begin * length;
      forward(weights, {first, length});
      sum += loss({first + 1, length}, 0);
    });
    return sum / static_cast<double>(count * options_.context);
  }

 private:
  // Calls part(index of its first sequence) with a workspace of the part's size in place.
  template <class Part>
  void for_parts(std::int64_t sequences, const Part& part) {
    const std::int64_t most =
        std::max<std::int64_t>(1, kTokensAtOnce * at::get_num_threads() / options_.context);
    for (std::int64_t begin = 0; begin < sequences;) {
      const std::int64_t size = std::min(most, sequences - begin);
      workspace_ =
          &workspaces_.try_emplace({size, at::get_num_threads()}, size, options_).first->second;
      part(begin);
      begin += size;
    }
  }

  // The columns of one head of one sequence: of queries, keys and values, and of their mixture.
  template <class T>
  HeadViews<T> head_of(Matrix<T> qkv, std::int64_t sequence, std::int64_t head) const {
    const std::int64_t width = options_.attention_width();
    const auto part = [&](std::int64_t i) {
      return mixed_of(qkv.columns_of(i * width, (i + 1) * width), sequence, head);
    };
    return {part(0), part(1), part(2)};
  }
  template <class T>
  Matrix<T> mixed_of(Matrix<T> mixed, std::int64_t sequence, std::int64_t head) const {
    return mixed.rows_of(sequence * options_.context, (sequence + 1) * options_.context)
        .columns_of(head * options_.head_size, (head + 1) * options_.head_size);
  }

  // Calls work(sequence, head, its log_sums, its thread's scratch) for all in the workspace.
  template <class Work>
  void by_heads(const BlockActivations& block, const Work& work) {
    const Workspace& w = *workspace_;
    at::parallel_for(0, w.sequences * options_.heads, 1, [&](std::int64_t begin, std::int64_t end) {
      float* scratch = w.scratch.rows_of(at::get_thread_num(), w.scratch.rows).data;
      for (std::int64_t i = begin; i < end; ++i) {
        work(i / options_.heads, i % options_.heads, block.log_sums.data + i * options_.context,
             scratch);
      }
    });
  }

  void forward(const Weights& weights, Tokens inputs) {
    Workspace& w = *workspace_;
    embed(weights, inputs);
    for (std::size_t i = 0; i < w.blocks.size(); ++i) {
      block_forward(weights.blocks[i], w.blocks[i], w.stream[i], w.stream[i + 1]);
    }
    w.normed.forward(w.stream.back(), weights.ln_f);
    product(w.normed.y, transposed(weights.wte), Into::kOverwrite, w.logits);
  }

  void block_forward(const Weights::Block& weights, const BlockActivations& block,
                     Matrix<const float> x, Matrix<float> out) {
    block.normed_1.forward(x, weights.ln_1);
    by_rows(block.qkv, [&](std::int64_t begin, std::int64_t end) {
      fill_rows(weights.attn_c_attn.bias.data, block.qkv.rows_of(begin, end));
    });
    product(block.normed_1.y, weights.attn_c_attn.weight, Into::kAdd, block.qkv);
    by_heads(block, [&](std::int64_t sequence, std::int64_t head, float* log_sums, float* scratch) {
      attend(head_of<const float>(block.qkv, sequence, head),
             mixed_of<float>(block.mixed, sequence, head), log_sums, scratch);
    });
    add_projected(x, block.mixed, weights.attn_c_proj, block.middle);
    block.normed_2.forward(block.middle, weights.ln_2);
    product(block.normed_2.y, weights.mlp_c_fc.weight, Into::kOverwrite, block.hidden);
    by_rows(block.hidden, [&](std::int64_t begin, std::int64_t end) {
      bias_gelu(block.hidden.rows_of(begin, end), weights.mlp_c_fc.bias.data,
                block.slope.rows_of(begin, end));
    });
    add_projected(block.middle, block.hidden, weights.mlp_c_proj, out);
  }

  // The part's summed loss; logits become `of_token` times its gradient.
  double loss(Tokens targets, float of_token) {
    Workspace& w = *workspace_;
    const std::int64_t length = options_.context;
    at::parallel_for(0, w.sequences, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        cross_entropy(w.logits.rows_of(i * length, (i + 1) * length), targets.sequence(i), of_token,
                      w.losses.data() + i * length);
      }
    });
    return std::accumulate(w.losses.begin(), w.losses.end(), 0.0);
  }

  void backward(Tokens inputs) {
    Workspace& w = *workspace_;
    product(transposed(w.logits), w.normed.y, Into::kAdd, gradients_.wte);
    product(w.logits, weights_.wte, Into::kOverwrite, w.d_normed);
    std::fill_n(w.d_stream.data, w.d_stream.rows * w.d_stream.columns, 0.0f);
    w.normed.backward(w.d_normed, w.stream.back(), weights_.ln_f, gradients_.ln_f, w.d_stream);
    for (std::size_t i = w.blocks.size(); i-- > 0;) {
      block_backward(weights_.blocks[i], gradients_.blocks[i], w.blocks[i], w.stream[i]);
    }
    embed_backward(inputs);
  }

  // d_stream: from the gradient of what the block gives to that of what it took.
  void block_backward(const Weights::Block& weights, const Weights::Block& gradients,
                      const BlockActivations& block, Matrix<const float> x) {
    Workspace& w = *workspace_;
    add_bias_gradient(w.d_stream, gradients.mlp_c_proj.bias);
    product_backward(w.d_stream, block.hidden, weights.mlp_c_proj.weight,
                     gradients.mlp_c_proj.weight, w.d_hidden);
    by_columns(w.d_hidden, [&](std::int64_t begin, std::int64_t end) {
      bias_gelu_backward(w.d_hidden.columns_of(begin, end), block.slope.columns_of(begin, end),
                         gradients.mlp_c_fc.bias.data + begin);
    });
    product_backward(w.d_hidden, block.normed_2.y, weights.mlp_c_fc.weight,
                     gradients.mlp_c_fc.weight, w.d_normed);
    block.normed_2.backward(w.d_normed, block.middle, weights.ln_2, gradients.ln_2, w.d_stream);

    add_bias_gradient(w.d_stream, gradients.attn_c_proj.bias);
    product_backward(w.d_stream, block.mixed, weights.attn_c_proj.weight,
                     gradients.attn_c_proj.weight, w.d_mixed);
    by_heads(block, [&](std::int64_t sequence, std::int64_t head, float* log_sums, float* scratch) {
      attend_backward(head_of<const float>(block.qkv, sequence, head), log_sums,
                      mixed_of<const float>(w.d_mixed, sequence, head),
                      head_of<float>(w.d_qkv, sequence, head), scratch);
    });
    add_bias_gradient(w.d_qkv, gradients.attn_c_attn.bias);
    product_backward(w.d_qkv, block.normed_1.y, weights.attn_c_attn.weight,
                     gradients.attn_c_attn.weight, w.d_normed);
    block.normed_1.backward(w.d_normed, x, weights.ln_1, gradients.ln_1, w.d_stream);
  }

  void embed(const Weights& weights, Tokens inputs) {
    Workspace& w = *workspace_;
    for (std::int64_t row = 0; row < w.rows; ++row) {
      const std::int64_t t = row % options_.context;
      const std::int64_t token = inputs.sequence(row / options_.context)[t];
      add_bias(weights.wte.rows_of(token, token + 1), weights.wpe.rows_of(t, t + 1).data,
               w.stream[0].rows_of(row, row + 1));
    }
  }

  void embed_backward(Tokens inputs) {
    Workspace& w = *workspace_;
    for (std::int64_t row = 0; row < w.rows; ++row) {
      const std::int64_t t = row % options_.context;
      const std::int64_t token = inputs.sequence(row / options_.context)[t];
      const auto dx = w.d_stream.rows_of(row, row + 1);
      add_column_sums(dx, gradients_.wte.rows_of(token, token + 1).data);
      add_column_sums(dx, gradients_.wpe.rows_of(t, t + 1).data);
    }
  }

  GptOptions options_;
  Weights weights_;
  Weights gradients_;
  // By sequences and threads: whole parts, and what is left of a batch or of an evaluation.
  std::map<std::pair<std::int64_t, int>, Workspace> workspaces_;
  Workspace* workspace_ = nullptr;  // of the part that is computed now
  std::vector<double> losses_;
};

}  // namespace

std::unique_ptr<GptPasses> make_gpt_on_cpu(const GptOptions& options, std::span<float> parameters,
                                           std::span<float> gradients) {
  return std::make_unique<GptOnCpu>(options, parameters, gradients);
}

}  // namespace strait
