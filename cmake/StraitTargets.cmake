# strait_library(NAME SOURCES ... DEPS ...) and strait_test(NAME [LABELS label] DEPS ...):
# every target gets the same warnings, sanitizers, bit rules and precompiled headers.

find_package(Threads REQUIRED)

option(STRAIT_WERROR "Warnings are errors" OFF)
set(STRAIT_SANITIZE "" CACHE STRING "address (with ubsan) | thread | empty")

add_library(strait_flags INTERFACE)
target_include_directories(strait_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(strait_flags INTERFACE
  -Wall -Wextra -Wshadow -Wno-missing-field-initializers -Wnon-virtual-dtor -Werror=return-type $<$<BOOL:${STRAIT_WERROR}>:-Werror>
  # One rounding per operation: SIMD, scalar and CUDA twins are bit-equal.
  -ffp-contract=off
  # Messages name files from the repository's root. Through ccache paths start in the build folder.
  -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/= -fmacro-prefix-map=../../=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Below 600 MB the compiler collects no garbage: a twelfth of the time of the larger files.
  target_compile_options(strait_flags INTERFACE "SHELL:--param ggc-min-heapsize=300000")
endif()
target_link_libraries(strait_flags INTERFACE Threads::Threads)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  # Cheap bounds checks in libstdc++ (span, vector, optional); they do not change the ABI.
  target_compile_definitions(strait_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()

# Three quarters of the time to compile; what tests wait for is in the libraries.
add_library(strait_test_flags INTERFACE)
target_compile_options(strait_test_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-O1>)

if(STRAIT_SANITIZE STREQUAL "address")
  target_compile_options(strait_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(strait_flags INTERFACE -fsanitize=address,undefined)
elseif(STRAIT_SANITIZE STREQUAL "thread")
  target_compile_options(strait_flags INTERFACE -fsanitize=thread)
  target_link_options(strait_flags INTERFACE -fsanitize=thread)
  include(StraitThreadSanitizer)
elseif(STRAIT_SANITIZE)
  message(FATAL_ERROR "STRAIT_SANITIZE is '${STRAIT_SANITIZE}'; use address, thread or nothing")
endif()

function(strait_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC strait_flags ${arg_DEPS})
  target_precompile_headers(${name} REUSE_FROM strait_headers)
endfunction()

# All *_test.cc of the calling folder in one Catch2 binary, each test case known to CTest. Tests run
# in the repository's root, so they name its files as a reader would ("scenarios/...").
function(strait_test name)
  cmake_parse_arguments(arg "" "" "LABELS;DEPS" ${ARGN})
  list(LENGTH arg_LABELS labels)
  if(labels GREATER 1)
    message(FATAL_ERROR "strait_test(${name}): give one label: Catch.cmake cuts lists")
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  add_executable(${name} ${sources})
  set_target_properties(${name} PROPERTIES
    UNITY_BUILD OFF  # each file has its own settings() and the like
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE strait_flags strait_test_flags strait_catch ${arg_DEPS})
  target_precompile_headers(${name} REUSE_FROM strait_test_headers)
  catch_discover_tests(${name}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    EXTRA_ARGS ${STRAIT_CATCH_ARGS}
    # A deadlock ends in five minutes, not in CTest's twenty-five; a sanitizer costs up to 15 times.
    PROPERTIES TIMEOUT 300 LABELS "${arg_LABELS}")
  # scripts/count_tests.py compares what these binaries list with what CTest knows.
  set_property(GLOBAL APPEND PROPERTY STRAIT_TEST_BINARIES ${name})
endfunction()
