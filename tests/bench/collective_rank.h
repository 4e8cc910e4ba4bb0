// What the contenders of collective_bench.py have in common: a process is one rank, and all have
// the same command line and lines of output, whatever carries the bytes.
//
//   PROGRAM --rank 0 --size 2 --bytes 64MiB --repeats 5 --batch 1 --dir FOLDER
//           [--algorithm NAME] [--codec NAME]
//
// All ranks of a run name the same empty folder, where they find each other. They wait for each
// other before every repetition; after it each prints
//
//   repetition START END CPU
//
// START and END are seconds of CLOCK_MONOTONIC, which the processes of a machine share: a
// repetition lasts from the first START to the last END. CPU are the process's seconds in between,
// of all threads and of the kernel's work for its sockets. A first repetition, not told, warms up
// buffers and congestion windows.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "core/base/units.h"

namespace strait {

struct RankOptions {
  int rank = 0;
  int size = 0;
  Bytes bytes = 0;        // of the tensor, on every rank: whole floats
  int repeats = 1;        // that are told
  int batch = 1;          // collectives in a repetition, one after the other
  std::string dir;        // where the ranks meet
  std::string algorithm;  // empty: the program's own choice
  std::string codec;      // likewise
};

/// The work of a contender. All is called on one thread.
struct Contender {
  std::function<void()> prepare;  // fills the tensor again: timed only between those of a batch
  std::function<void()> run;      // one collective, until this rank has its result
  std::function<void()> check;    // of the last result: throws
};

/// Prints the lines above.
void run_repetitions(const RankOptions& options, const Contender& contender);

/// What rank `rank` gives: whole numbers of at most 125, so that sums and means of few ranks are
/// exact in any order. Others on each rank and, for 251 elements, in each place.
void fill_contribution(int rank, std::span<float> out);

/// Throws unless `result` is `scale` times the sum of all ranks' contributions, off by at most
/// `tolerance` in each element.
void check_sum(int size, std::span<const float> result, float scale, float tolerance = 0);

/// A whole main(): reads the command line, runs `body`, tells an error in a line. Exit codes as of
/// strait: 2 for a mistake in the command line, 1 for all else.
int rank_main(int argc, char** argv, const std::function<void(const RankOptions&)>& body);

}  // namespace strait
