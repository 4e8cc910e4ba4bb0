#include "tests/faults/auditor.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "tests/faults/true_mean.h"

namespace strait {

namespace {

template <class... Args>
void expect(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) throw FaultFound(fmt::format(text, std::forward<Args>(args)...));
}

/// commit round=3 epoch=0 before=... members=0,1,2; false for lines of other kinds.
bool read_commit(const std::string& line, std::uint32_t& round, Auditor::Commit& commit) {
  unsigned r = 0, e = 0;
  int used = 0;
  if (line.rfind("commit ", 0) != 0) return false;
  std::sscanf(line.c_str(), "commit round=%u epoch=%u before=%*x members=%n", &r, &e, &used);
  round = r;
  commit.epoch = e;
  const std::string members = line.substr(static_cast<std::size_t>(used));
  const bool good = used > 0 && members.find_first_not_of("0123456789,") == std::string::npos;
  expect(good, "the journal has the line '{}'", line);
  std::istringstream list(members);
  for (std::string member; std::getline(list, member, ',');) {
    commit.members.push_back(std::stoi(member));
  }
  return true;
}

bool same(const Roster& a, const Roster& b) {
  return std::equal(
      a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
      [](const auto& x, const auto& y) { return x.island == y.island && x.weight == y.weight; });
}

}  // namespace

Auditor::Auditor(const FaultPlan& plan, const FaultyStorage& journal)
    : plan_(plan),
      journal_(journal),
      islands_(static_cast<std::size_t>(plan.islands)),
      model_(plan.elements),
      first_state_(model_.hash()) {}

// ---------------------------------------------------------------------------------------------
// The journal

const std::vector<Auditor::Commit>& Auditor::read_journal() {
  const std::string text = journal_.durable(plan_.world.coordinator.journal);
  if (text == read_) return commits_;
  std::vector<Commit> commits;
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    std::uint32_t round = 0;
    Commit commit;
    if (!read_commit(line, round, commit)) continue;
    expect(round == commits.size() + 1, "the journal has round {} after round {}", round,
           commits.size());
    expect(commits.empty() || commits.back().epoch <= commit.epoch,
           "the journal has epoch {} in round {}, a lower one than before", commit.epoch, round);
    commits.push_back(std::move(commit));
  }
  expect(commits.size() >= commits_.size() &&
             std::equal(commits_.begin(), commits_.end(), commits.begin()),
         "the journal has lost or changed a round that was durable: {} rounds, {} before",
         commits.size(), commits_.size());
  commits_ = std::move(commits);
  read_ = text;
  return commits_;
}

std::vector<Auditor::Commit> Auditor::durable() {
  const std::lock_guard lock(mutex_);
  return read_journal();
}

const Auditor::Commit& Auditor::commit_of(IslandId island, std::uint32_t round) {
  const auto& commits = read_journal();
  expect(round >= 1 && round <= commits.size(),
         "island {} is given round {}, but only {} are durable in the journal", island, round,
         commits.size());
  return commits[round - 1];
}

// ---------------------------------------------------------------------------------------------
// The truth of a round

void Auditor::check_roster(IslandId island, std::uint32_t round, const Roster& roster) {
  const Commit& commit = commit_of(island, round);
  std::vector<IslandId> members;
  double sum = 0;
  for (const auto& member : roster.members) {
    members.push_back(member.island);
    const double asked = member.weight > 0 ? plan_.weight(member.island, round) : 0;
    const auto& starts = at(member.island).starts[round];
    expect(std::count(starts.begin(), starts.end(), asked) > 0,
           "island {} is in the roster of round {} with weight {}, but has never asked for that",
           member.island, round, member.weight);
    sum += asked;
  }
  expect(members == commit.members,
         "island {} commits round {} with other members than the journal", island, round);
  for (const auto& member : roster.members) {
    const double asked = member.weight > 0 ? plan_.weight(member.island, round) : 0;
    expect(member.weight == static_cast<float>(asked / sum),
           "island {} has weight {} in round {}, not {}", member.island, member.weight, round,
           asked / sum);
  }
}

const Auditor::Truth& Auditor::truth(IslandId island, std::uint32_t round) const {
  expect(round >= 1 && round <= truths_.size(),
         "island {} is given round {}, which no island has committed", island, round);
  return truths_[round - 1];
}

// ---------------------------------------------------------------------------------------------
// What islands are told

void Auditor::begins(IslandId island, int life) {
  const std::lock_guard lock(mutex_);
  Island& i = at(island);
  i.life = life;
  i.there = true;
  i.finished = false;
  i.round = i.may_take = i.started = 0;
}

void Auditor::died(IslandId island) {
  const std::lock_guard lock(mutex_);
  at(island).there = at(island).finished = false;
  at(island).round = at(island).started = 0;  // its next life may begin in this instant
}

void Auditor::starts(IslandId island, std::uint32_t round, double weight) {
  const std::lock_guard lock(mutex_);
  at(island).started = round;
  at(island).starts[round].push_back(weight);
}

void Auditor::committed(IslandId island, const RoundResult& result, std::span<const float> mean) {
  const std::lock_guard lock(mutex_);
  Island& i = at(island);
  expect(result.round == i.round + 1, "island {} with round {} commits round {}", island, i.round,
         result.round);
  const Commit& commit = commit_of(island, result.round);
  expect(result.epoch == commit.epoch,
         "island {} commits round {} of epoch {}, the journal has epoch {}", island, result.round,
         result.epoch, commit.epoch);
  expect(result.roster.contains(island), "island {} commits round {} and is no member of it",
         island, result.round);
  check_roster(island, result.round, result.roster);
  if (truths_.size() + 1 == result.round) {
    Truth truth{
        .roster = result.roster,
        .mean = true_mean(plan_.world.collective, result.round, result.roster, plan_.elements)};
    model_.step(truth.mean);
    truth.state = model_.hash();
    truths_.push_back(std::move(truth));
  }
  const Truth& true_one = truth(island, result.round);
  expect(same(result.roster, true_one.roster), "island {} has another roster of round {}", island,
         result.round);
  expect(hash_of(mean) == hash_of(true_one.mean),
         "island {} takes a mean of round {} (epoch {}) that is not its members' mean", island,
         result.round, result.epoch);
  i.may_take = result.round;
}

void Auditor::missed(IslandId island, const RoundResult& result) {
  const std::lock_guard lock(mutex_);
  const Island& i = at(island);
  expect(result.round == i.round + 1, "island {} with round {} misses round {}", island, i.round,
         result.round);
  const auto& commits = read_journal();
  if (result.round > commits.size() || i.starts.at(result.round).size() > 1) return;
  const auto& members = commits[result.round - 1].members;
  expect(std::count(members.begin(), members.end(), island) == 0,
         "island {} is told that it missed round {}, which was committed with it", island,
         result.round);
}

void Auditor::caught_up(IslandId island, const CaughtUp& what) {
  const std::lock_guard lock(mutex_);
  Island& i = at(island);
  expect(what.from == i.round, "island {} with round {} is given what leads from round {}", island,
         i.round, what.from);
  if (what.round == what.from) return;
  expect(what.round > what.from, "island {} with round {} is given round {}", island, i.round,
         what.round);
  std::ignore = commit_of(island, what.round);
  if (what.state) {
    expect(what.state->buffers.size() == 2, "island {} is given {} buffers", island,
           what.state->buffers.size());
    const auto& buffers = what.state->buffers;
    expect(hash_of(buffers[1], hash_of(buffers[0])) == truth(island, what.round).state,
           "island {} is given a state after round {} that is not the state after it", island,
           what.round);
  } else {
    expect(what.means.size() == what.round - what.from,
           "island {} is given {} means from round {} to {}", island, what.means.size(), what.from,
           what.round);
    for (std::uint32_t round = what.from + 1; round <= what.round; ++round) {
      expect(hash_of(what.means[round - what.from - 1]) == hash_of(truth(island, round).mean),
             "island {} is given a mean of round {} that is not its members' mean", island, round);
    }
  }
  i.may_take = what.round;
}

void Auditor::applied(IslandId island, const TrivialModel& model) {
  const std::lock_guard lock(mutex_);
  Island& i = at(island);
  expect(model.round == i.may_take, "island {} has applied round {}, but was given round {}",
         island, model.round, i.may_take);
  const std::uint64_t state = model.round == 0 ? first_state_ : truth(island, model.round).state;
  expect(model.hash() == state, "island {} has another state after round {}", island, model.round);
  i.round = model.round;
}

void Auditor::finished(IslandId island) {
  const std::lock_guard lock(mutex_);
  at(island).finished = true;
}

bool Auditor::all_finished() const {
  return std::all_of(islands_.begin(), islands_.end(), [](const Island& i) { return i.finished; });
}

void Auditor::check_end() {
  const std::lock_guard lock(mutex_);
  expect(read_journal().size() == plan_.rounds, "the run is over, but {} of {} rounds are durable",
         commits_.size(), plan_.rounds);
  for (IslandId i = 0; i < plan_.islands; ++i) {
    expect(at(i).finished && at(i).round == plan_.rounds,
           "the run is over, but island {} is at round {} of {}", i, at(i).round, plan_.rounds);
  }
}

}  // namespace strait
