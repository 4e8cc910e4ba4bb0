# Every outside library, found once, under the names the targets link. What is missing is named with
# the command that brings it.

# strait_find(WHAT find_package-arguments...)
macro(strait_find package)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing: run scripts/setup.sh")
  endif()
endmacro()

strait_find(PkgConfig)
strait_find(fmt)
strait_find(ZLIB)
strait_find(OpenSSL)
# Boost's own file: CMake 3.30 deprecates its FindBoost (policy CMP0167).
strait_find(Boost CONFIG COMPONENTS context program_options)
foreach(module libxxhash libuv libzstd libutf8proc)
  string(REGEX REPLACE "^libxx" "xx" name ${module})  # PkgConfig::xxhash, libuv ...
  pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${module} is missing: run scripts/setup.sh")
  endif()
endforeach()
find_path(FCCP_INCLUDE libfccp/csv.h)
find_path(NLOHMANN_INCLUDE nlohmann/json.hpp)
if(NOT FCCP_INCLUDE OR NOT NLOHMANN_INCLUDE)
  message(FATAL_ERROR "libfccp-dev or nlohmann-json3-dev is missing: run scripts/setup.sh")
endif()

strait_find(Catch2)
include(Catch)
add_library(strait_catch INTERFACE)
target_link_libraries(strait_catch INTERFACE Catch2::Catch2WithMain)
# v2 runs nothing and succeeds when a name matches no test, unless asked; it takes one warning only.
# v3 fails by itself and refuses that flag; there, a test without an assertion fails too.
if(Catch2_VERSION VERSION_LESS 3)
  set(STRAIT_CATCH_ARGS --warn NoTests)
else()
  set(STRAIT_CATCH_ARGS --warn NoAssertions)
endif()

if(STRAIT_WITH_TORCH)
  include(LibTorch)
endif()
