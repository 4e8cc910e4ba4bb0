# The outside headers that most files include, parsed once for the libraries and once, with Catch2,
# for the tests (strait_library() and strait_test() reuse them). Headers of the repository stay out:
# a change of one would compile everything. Files include what they use, as if this did not exist:
# they have to compile with -D CMAKE_DISABLE_PRECOMPILE_HEADERS=ON, too.

# strait_precompiled(NAME HEADERS ... DEPS ...). Who reuses it needs the same flags: some the compiler
# compares (-Winvalid-pch), but with another -O GCC 12 crashes. So source files with flags of their
# own have SKIP_PRECOMPILE_HEADERS.
function(strait_precompiled name)
  cmake_parse_arguments(arg "" "" "HEADERS;DEPS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/generated/${name}.cc)  # CMake wants one
  if(NOT EXISTS ${source})
    file(WRITE ${source} "")
  endif()
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE strait_flags ${arg_DEPS})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

set(headers
  <algorithm> <array> <chrono> <cmath> <coroutine> <cstddef> <cstdint> <cstring> <deque>
  <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <stdexcept> <string>
  <string_view> <unordered_map> <utility> <variant> <vector>
  <fmt/format.h>)
strait_precompiled(strait_headers HEADERS ${headers} DEPS fmt::fmt)

if(Catch2_VERSION VERSION_LESS 3)
  list(APPEND headers <catch2/catch.hpp>)
else()
  list(APPEND headers <catch2/catch_all.hpp>)
endif()
strait_precompiled(strait_test_headers HEADERS ${headers}
  DEPS strait_test_flags strait_catch fmt::fmt)
