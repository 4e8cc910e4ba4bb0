// Slurm's short form of many host names: node[10,20-25],gpu-[001-003]x[1-2].
//
// Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strait {

/// The names in Slurm's order: brackets further right turn faster, leading zeros stay. Throws
/// UserError, which begins with `where` (a variable): not a list, or more than a million names.
std::vector<std::string> expand_node_list(std::string_view list, const std::string& where);

}  // namespace strait
