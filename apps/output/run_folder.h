// The folder of one run: runs/demo-001, runs/demo-002, ... Numbers instead of dates, so that the
// same commands give the same names.
//
// Thread: any.
#pragma once

#include <string>

#include "core/config/load.h"

namespace strait {

/// Makes OUT/NAME-NNN with the number behind the highest there is (and OUT, if needed) and returns
/// its path. Two runs that start at once get two folders. Throws UserError.
std::string make_run_folder(const std::string& out, const std::string& name);

/// What version.txt says: the program and the settings. Two runs with the same are the same run,
/// but for the network and the times.
std::string version_text(const RunConfig& config);

/// Writes config.resolved.ini and version.txt.
void write_run_header(const std::string& folder, const LoadedConfig& loaded);

}  // namespace strait
