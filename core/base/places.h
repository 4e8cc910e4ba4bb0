// Where what belongs to the program lies: scenarios and their files.
#pragma once

#include <string>

namespace strait {

/// `path` (such as "scenarios/demo.ini") in the current folder, else beside the installed program,
/// in PREFIX/share/strait, else in the folder that the program was built from; `path` itself if it
/// is nowhere.
std::string find_ours(const std::string& path);

}  // namespace strait
