#include "apps/launch/node_list.h"

#include <string>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

std::string expanded(std::string_view list) {
  return join(expand_node_list(list, "SLURM_JOB_NODELIST"), " ");
}

std::string complaint(std::string_view list) {
  try {
    (void)expand_node_list(list, "SLURM_JOB_NODELIST");
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("node lists are expanded as Slurm expands them", "[node_list]") {
  // Except for the last two, which Slurm 22.05 does not write: `scontrol show hostnames`.
  const struct {
    const char *list, *names;
  } cases[] = {
      {"login", "login"},
      {"node[10,20-25]", "node10 node20 node21 node22 node23 node24 node25"},
      {"gpu-[001-003]x[1-2]", "gpu-001x1 gpu-001x2 gpu-002x1 gpu-002x2 gpu-003x1 gpu-003x2"},
      {"a,b[1-2],c", "a b1 b2 c"},
      {"n[08-11]", "n08 n09 n10 n11"},
      {"n[9-011]", "n9 n10 n11"},
      {"n[1-3,3]", "n1 n2 n3 n3"},
      {"n[01-1]", "n01"},
      {"n[1-2][3-4]", "n13 n14 n23 n24"},
      {"n[098-101,7]", "n098 n099 n100 n101 n7"},
      {"r[1-2]n[08-09]z", "r1n08z r1n09z r2n08z r2n09z"},
      {"n[1-2]-ib,m", "n1-ib n2-ib m"},
  };
  for (const auto& c : cases) CHECK(expanded(c.list) == c.names);
}

TEST_CASE("a million nodes are a list and one more is none", "[node_list]") {
  CHECK(expand_node_list("n[1-1000000]", "X").size() == 1'000'000);
  const std::string most = "stands for more than 1000000 names";
  CHECK(complaint("n[0-1000000]").find(most) != std::string::npos);
  CHECK(complaint("n[0-999999999999999999]").find(most) != std::string::npos);
  CHECK(complaint("n[1-1001]x[1-1000]").find(most) != std::string::npos);
  CHECK(complaint("n[1-1000000],m").find(most) != std::string::npos);
}

TEST_CASE("what is no node list is told with the element", "[node_list]") {
  const std::string fix = "; write names as Slurm does, e.g. node[10,20-25]";
  const struct {
    const char *list, *what;
  } cases[] = {
      {"", "'' is empty"},
      {"a,,b", "'' is empty"},
      {"a,", "'' is empty"},
      {"a,x[1", "'x[1' has a '[' without ']'"},
      {"n[]", "'n[]' has nothing between '[' and ']'"},
      {"n[ ]", "'n[ ]' has nothing between '[' and ']'"},
      {"n[3-1]", "'n[3-1]' has the range '3-1', which runs backwards"},
      {"n[a-b]", "'n[a-b]' has the range 'a-b', which is no number and no N-M"},
      {"n[1,]", "'n[1,]' has the range '', which is no number and no N-M"},
      {"n[1-2-3]", "'n[1-2-3]' has the range '1-2-3', which is no number and no N-M"},
      {"n[-1]", "'n[-1]' has the range '-1', which is no number and no N-M"},
      {"n[[1]]", "'n[[1]]' has the range '[1', which is no number and no N-M"},
      {"n[1-99999999999999999999]",
       "'n[1-99999999999999999999]' has the range '1-99999999999999999999', which is no number "
       "and no N-M"},
      {"a]b", "'a]b' has a stray ']'"},
      {"a b", "'a b' has a stray ' '"},
  };
  for (const auto& c : cases) {
    CHECK(complaint(c.list) == "SLURM_JOB_NODELIST: " + std::string(c.what) + fix);
  }
}

}  // namespace
}  // namespace strait
