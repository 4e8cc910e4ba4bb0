// A step takes its batch a few sequences at a time, so that what one operation writes is still in
// the cache when the next one reads it, and gradients add up over these parts. Biases, residuals
// and activations join their neighbours (gpt_kernels.h), and a weight's gradient is added where it
// belongs by the matrix product that makes it.
//
// Memory beside the flat buffers, per token of one part: some 13 x width + 4 x attention width
// floats a block, and the logits.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <numeric>

#include "core/base/check.h"
#include "core/train/tasks/gpt_kernels.h"
#include "core/train/tasks/gpt_passes.h"
#include "core/train/tasks/gpt_weights.h"

namespace strait {
namespace {

// Per intra-op thread; measured with gpt_bench.
constexpr std::int64_t kTokensAtOnce = 128;

// Elements that are worth a thread of their own.
constexpr std::int64_t kGrain = 16384;

at::Tensor matrix(std::int64_t rows, std::int64_t columns) {
  return at::empty({rows, columns}, at::kFloat);
}

Matrix<float> view(const at::Tensor& x) {
  return {x.data_ptr<float>(), x.size(0), x.size(1), x.stride(0)};
}

template <class Work>
void by_rows(const at::Tensor& x, const Work& work) {
  at::parallel_for(0, x.size(0), std::max<std::int64_t>(1, kGrain / x.size(1)), work);
}

template <class Work>
void by_columns(const at::Tensor& x, const Work& work) {
  at::parallel_for(0, x.size(1), std::max<std::int64_t>(16, kGrain / x.size(0)), work);
}

// A LayerNorm of one part of a batch.
struct Normed {
  Normed(std::int64_t rows, std::int64_t width)
      : y(matrix(rows, width)), mean(matrix(1, rows)), scale(matrix(1, rows)) {}

  RowMoments moments(std::int64_t row = 0) const {
    return {mean.data_ptr<float>() + row, scale.data_ptr<float>() + row};
  }

  void forward(const at::Tensor& x, const GptWeights::Norm& norm) const {
    by_rows(x, [&](std::int64_t begin, std::int64_t end) {
      layer_norm(view(x).rows_of(begin, end), norm.weight.data_ptr<float>(),
                 norm.bias.data_ptr<float>(), view(y).rows_of(begin, end), moments(begin));
    });
  }

  // Adds to dx.
  void backward(const at::Tensor& dy, const at::Tensor& x, const GptWeights::Norm& norm,
                const GptWeights::Norm& gradient, const at::Tensor& dx) const {
    by_columns(x, [&](std::int64_t begin, std::int64_t end) {
      layer_norm_weights_backward(view(dy).columns_of(begin, end), view(x).columns_of(begin, end),
                                  moments(), gradient.weight.data_ptr<float>() + begin,
                                  gradient.bias.data_ptr<float>() + begin);
    });
    by_rows(x, [&](std::int64_t begin, std::int64_t end) {
      layer_norm_backward(view(dy).rows_of(begin, end), view(x).rows_of(begin, end), moments(begin),
                          norm.weight.data_ptr<float>(), view(dx).rows_of(begin, end));
    });
  }

  at::Tensor y;
  at::Tensor mean, scale;  // [1, rows]
};

// out = x + in * weight + bias
void add_projected(const at::Tensor& x, const at::Tensor& in, const GptWeights::Linear& linear,
                   at::Tensor& out) {
  by_rows(x, [&](std::int64_t begin, std::int64_t end) {
    add_bias(view(x).rows_of(begin, end), linear.bias.data_ptr<float>(),
             view(out).rows_of(begin, end));
  });
  out.addmm_(in, linear.weight);
}

void add_bias_gradient(const at::Tensor& dy, const at::Tensor& dbias) {
  by_columns(dy, [&](std::int64_t begin, std::int64_t end) {
    add_column_sums(view(dy).columns_of(begin, end), dbias.data_ptr<float>() + begin);
  });
}

// y = in * weight: adds the weight's gradient, and gives that of `in`.
void product_backward(const at::Tensor& dy, const at::Tensor& in, const at::Tensor& weight,
                      at::Tensor dweight, at::Tensor& din) {
  dweight.addmm_(in.t(), dy);
  at::mm_out(din, dy, weight.t());
}

// What the backward pass of a block reads, of one part of a batch: [rows, ...] each.
struct BlockActivations {
  BlockActivations(std::int64_t rows, const GptOptions& options)
      : normed_1(rows, options.width),
        qkv(matrix(rows, 3 * options.attention_width())),
        middle(matrix(rows, options.width)),
        normed_2(rows, options.width),
        hidden(matrix(rows, 4 * options.width)),
        slope(matrix(rows, 4 * options.width)) {}

  Normed normed_1;
  at::Tensor qkv;
  at::Tensor mixed;  // attention's result, LibTorch's own memory: [sequences, heads, T, head size]
  at::Tensor log_sum;  // of the attention's exponentials
  at::Tensor middle;   // the residual stream between attention and MLP
  Normed normed_2;
  at::Tensor hidden;  // GELU's result
  at::Tensor slope;   // GELU's derivative
};

// Memory for `sequences` sequences at once.
struct Workspace {
  Workspace(std::int64_t at_once, const GptOptions& options)
      : sequences(at_once),
        rows(at_once * options.context),
        normed(rows, options.width),
        logits(matrix(rows, options.vocabulary)),
        losses(static_cast<std::size_t>(rows)),
        d_stream(matrix(rows, options.width)),
        d_normed(matrix(rows, options.width)),
        d_mixed(matrix(rows, options.attention_width())),
        d_qkv(matrix(rows, 3 * options.attention_width())),
        d_hidden(matrix(rows, 4 * options.width)) {
    for (std::int64_t i = 0; i <= options.layers; ++i)
      stream.push_back(matrix(rows, options.width));
    for (std::int64_t i = 0; i < options.layers; ++i) blocks.emplace_back(rows, options);
  }

  std::int64_t sequences;
  std::int64_t rows;               // tokens
  std::vector<at::Tensor> stream;  // the residual stream before each block and behind the last
  std::vector<BlockActivations> blocks;
  Normed normed;
  at::Tensor logits;  // later their gradient
  std::vector<double> losses;

  at::Tensor d_stream;
  at::Tensor d_normed;
  at::Tensor d_mixed;
  at::Tensor d_qkv;
  at::Tensor d_hidden;
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
        weights_(gpt_weights(parameters, options)),
        gradients_(gpt_weights(gradients, options)) {}

  void accumulate_gradient(std::span<const std::int64_t> inputs,
                           std::span<const std::int64_t> targets, float scale) override {
    const c10::InferenceMode no_autograd;
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
    const c10::InferenceMode no_autograd;
    const GptWeights weights = gpt_weights(
        {const_cast<float*>(parameters.data()), parameters.size()}, options_);  // only read
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
      if (workspace_ == nullptr || workspace_->sequences != size) {
        workspace_ = nullptr;  // not both at once
        workspace_ = std::make_unique<Workspace>(size, options_);
      }
      part(begin);
      begin += size;
    }
  }

  at::Tensor heads(const at::Tensor& columns) const {  // -> [sequences, heads, T, head size]
    return columns.view({-1, options_.context, options_.heads, options_.head_size}).transpose(1, 2);
  }
  at::Tensor joined(const at::Tensor& heads) const {  // and back: [rows, attention width]
    return heads.transpose(1, 2).reshape({-1, options_.attention_width()});
  }

  void forward(const GptWeights& weights, Tokens inputs) {
    Workspace& w = *workspace_;
    embed(weights, inputs);
    for (std::size_t i = 0; i < w.blocks.size(); ++i) {
      block_forward(weights.blocks[i], w.blocks[i], w.stream[i], w.stream[i + 1]);
    }
    w.normed.forward(w.stream.back(), weights.ln_f);
    at::mm_out(w.logits, w.normed.y, weights.wte.t());
  }

  void block_forward(const GptWeights::Block& weights, BlockActivations& block, const at::Tensor& x,
                     at::Tensor& out) {
    block.normed_1.forward(x, weights.ln_1);
    by_rows(block.qkv, [&](std::int64_t begin, std::int64_t end) {
      fill_rows(weights.attn_c_attn.bias.data_ptr<float>(), view(block.qkv).rows_of(begin, end));
    });
    block.qkv.addmm_(block.normed_1.y, weights.attn_c_attn.weight);
    const auto part = block.qkv.split(options_.attention_width(), /*dim=*/1);
    std::tie(block.mixed, block.log_sum) = at::_scaled_dot_product_flash_attention_for_cpu(
        heads(part[0]), heads(part[1]), heads(part[2]), /*dropout_p=*/0.0, /*is_causal=*/true);
    add_projected(x, joined(block.mixed), weights.attn_c_proj, block.middle);
    block.normed_2.forward(block.middle, weights.ln_2);
    at::mm_out(block.hidden, block.normed_2.y, weights.mlp_c_fc.weight);
    by_rows(block.hidden, [&](std::int64_t begin, std::int64_t end) {
      bias_gelu(view(block.hidden).rows_of(begin, end), weights.mlp_c_fc.bias.data_ptr<float>(),
                view(block.slope).rows_of(begin, end));
    });
    add_projected(block.middle, block.hidden, weights.mlp_c_proj, out);
  }

  // The part's summed loss; logits become `of_token` times its gradient.
  double loss(Tokens targets, float of_token) {
    Workspace& w = *workspace_;
    const std::int64_t length = options_.context;
    at::parallel_for(0, w.sequences, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        cross_entropy(view(w.logits).rows_of(i * length, (i + 1) * length), targets.sequence(i),
                      of_token, w.losses.data() + i * length);
      }
    });
    return std::accumulate(w.losses.begin(), w.losses.end(), 0.0);
  }

  void backward(Tokens inputs) {
    Workspace& w = *workspace_;
    at::Tensor dwte = gradients_.wte;
    dwte.addmm_(w.logits.t(), w.normed.y);
    at::mm_out(w.d_normed, w.logits, weights_.wte);
    w.d_stream.zero_();
    w.normed.backward(w.d_normed, w.stream.back(), weights_.ln_f, gradients_.ln_f, w.d_stream);
    for (std::size_t i = w.blocks.size(); i-- > 0;) {
      block_backward(weights_.blocks[i], gradients_.blocks[i], w.blocks[i], w.stream[i]);
    }
    embed_backward(inputs);
  }

  // d_stream: from the gradient of what the block gives to that of what it took.
  void block_backward(const GptWeights::Block& weights, const GptWeights::Block& gradients,
                      const BlockActivations& block, const at::Tensor& x) {
    Workspace& w = *workspace_;
    add_bias_gradient(w.d_stream, gradients.mlp_c_proj.bias);
    product_backward(w.d_stream, block.hidden, weights.mlp_c_proj.weight,
                     gradients.mlp_c_proj.weight, w.d_hidden);
    by_columns(w.d_hidden, [&](std::int64_t begin, std::int64_t end) {
      bias_gelu_backward(view(w.d_hidden).columns_of(begin, end),
                         view(block.slope).columns_of(begin, end),
                         gradients.mlp_c_fc.bias.data_ptr<float>() + begin);
    });
    product_backward(w.d_hidden, block.normed_2.y, weights.mlp_c_fc.weight,
                     gradients.mlp_c_fc.weight, w.d_normed);
    block.normed_2.backward(w.d_normed, block.middle, weights.ln_2, gradients.ln_2, w.d_stream);

    add_bias_gradient(w.d_stream, gradients.attn_c_proj.bias);
    product_backward(w.d_stream, joined(block.mixed), weights.attn_c_proj.weight,
                     gradients.attn_c_proj.weight, w.d_mixed);
    const auto part = block.qkv.split(options_.attention_width(), /*dim=*/1);
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        heads(w.d_mixed), heads(part[0]), heads(part[1]), heads(part[2]), block.mixed,
        block.log_sum, /*dropout_p=*/0.0, /*is_causal=*/true);
    std::int64_t column = 0;
    for (const at::Tensor& d_heads : {dq, dk, dv}) {
      const at::Tensor d_part = joined(d_heads);
      by_columns(d_part, [&](std::int64_t begin, std::int64_t end) {
        copy_and_add_column_sums(view(d_part).columns_of(begin, end),
                                 view(w.d_qkv).columns_of(column + begin, column + end),
                                 gradients.attn_c_attn.bias.data_ptr<float>() + column + begin);
      });
      column += options_.attention_width();
    }
    product_backward(w.d_qkv, block.normed_1.y, weights.attn_c_attn.weight,
                     gradients.attn_c_attn.weight, w.d_normed);
    block.normed_1.backward(w.d_normed, x, weights.ln_1, gradients.ln_1, w.d_stream);
  }

  void embed(const GptWeights& weights, Tokens inputs) {
    Workspace& w = *workspace_;
    const auto tokens = view(weights.wte), positions = view(weights.wpe), x = view(w.stream[0]);
    for (std::int64_t row = 0; row < w.rows; ++row) {
      const std::int64_t t = row % options_.context;
      const std::int64_t token = inputs.sequence(row / options_.context)[t];
      add_bias(tokens.rows_of(token, token + 1), positions.rows_of(t, t + 1).data,
               x.rows_of(row, row + 1));
    }
  }

  void embed_backward(Tokens inputs) {
    Workspace& w = *workspace_;
    const auto tokens = view(gradients_.wte), positions = view(gradients_.wpe);
    const auto dx = view(w.d_stream);
    for (std::int64_t row = 0; row < w.rows; ++row) {
      const std::int64_t t = row % options_.context;
      const std::int64_t token = inputs.sequence(row / options_.context)[t];
      add_column_sums(dx.rows_of(row, row + 1), tokens.rows_of(token, token + 1).data);
      add_column_sums(dx.rows_of(row, row + 1), positions.rows_of(t, t + 1).data);
    }
  }

  GptOptions options_;
  GptWeights weights_;
  GptWeights gradients_;
  std::unique_ptr<Workspace> workspace_;
  std::vector<double> losses_;
};

}  // namespace

std::unique_ptr<GptPasses> make_gpt_on_cpu(const GptOptions& options, std::span<float> parameters,
                                           std::span<float> gradients) {
  return std::make_unique<GptOnCpu>(options, parameters, gradients);
}

}  // namespace strait
