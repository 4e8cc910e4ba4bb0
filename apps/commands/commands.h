// The subcommands of the program; each has a file of its own name. They get the words after theirs
// and return the exit code; the user's mistakes come out as UserErrors.
#pragma once

#include <string>
#include <vector>

namespace strait {

int command_demo(const std::vector<std::string>& arguments);
int command_run(const std::vector<std::string>& arguments);
int command_doctor(const std::vector<std::string>& arguments);

/// Where the repository's scenarios and the set-up's dependencies lie: STRAIT_DEPS if set, else
/// .deps in the current folder or in the folder that the program was built from.
std::string deps_folder();

/// `path` in the current folder, else in the folder that the program was built from.
std::string find_in_repository(const std::string& path);

}  // namespace strait
