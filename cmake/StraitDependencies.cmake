# Every outside library, found once, under the names the targets link.

find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost REQUIRED COMPONENTS program_options)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
find_path(FCCP_INCLUDE libfccp/csv.h REQUIRED)
find_path(NLOHMANN_INCLUDE nlohmann/json.hpp REQUIRED)

find_package(Catch2 REQUIRED)
include(Catch)
add_library(strait_catch INTERFACE)
target_link_libraries(strait_catch INTERFACE Catch2::Catch2WithMain)

if(STRAIT_WITH_TORCH)
  include(LibTorch)
endif()
