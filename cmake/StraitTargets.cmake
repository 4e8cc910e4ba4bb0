# strait_library(NAME SOURCES ... DEPS ...) and strait_test(NAME [LABELS ...] DEPS ...): every target
# gets the same warnings, sanitizers and bit rules.

find_package(Threads REQUIRED)

add_library(strait_flags INTERFACE)
target_include_directories(strait_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(strait_flags INTERFACE
  -Wall -Wextra -Wshadow -Wno-missing-field-initializers -Wnon-virtual-dtor -Werror=return-type
  # One rounding per operation: SIMD, scalar and CUDA twins are bit-equal.
  -ffp-contract=off)
target_link_libraries(strait_flags INTERFACE Threads::Threads)

set(STRAIT_SANITIZE "" CACHE STRING "address (with ubsan) | thread | empty")
if(STRAIT_SANITIZE STREQUAL "address")
  target_compile_options(strait_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(strait_flags INTERFACE -fsanitize=address,undefined)
elseif(STRAIT_SANITIZE STREQUAL "thread")
  target_compile_options(strait_flags INTERFACE -fsanitize=thread)
  target_link_options(strait_flags INTERFACE -fsanitize=thread)
elseif(STRAIT_SANITIZE)
  message(FATAL_ERROR "STRAIT_SANITIZE is '${STRAIT_SANITIZE}'; use address, thread or nothing")
endif()

function(strait_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC strait_flags ${arg_DEPS})
endfunction()

# All *_test.cc of the calling folder in one Catch2 binary, each test case known to CTest.
function(strait_test name)
  cmake_parse_arguments(arg "" "" "LABELS;DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE strait_flags strait_catch ${arg_DEPS})
  catch_discover_tests(${name} EXTRA_ARGS -w NoTests PROPERTIES LABELS "${arg_LABELS}")
endfunction()
