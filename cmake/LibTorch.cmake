# LibTorch as imported targets from a folder: the wheel, the downloadable archive or a system package.
# (The wheel's own find_package(Torch) wants a CUDA toolkit at configure time.)

set(STRAIT_TORCH "$ENV{STRAIT_TORCH}" CACHE PATH "Folder that holds LibTorch's include/ and lib/")
if(NOT STRAIT_TORCH)
  if(DEFINED ENV{STRAIT_DEPS})
    set(STRAIT_TORCH "$ENV{STRAIT_DEPS}/python/torch")
  else()
    set(STRAIT_TORCH "${CMAKE_SOURCE_DIR}/.deps/python/torch")
  endif()
endif()
if(NOT EXISTS "${STRAIT_TORCH}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "no LibTorch in '${STRAIT_TORCH}': run scripts/setup.sh, or give STRAIT_TORCH")
endif()

add_library(strait_libtorch INTERFACE)
# -idirafter, behind the system's folders: LibTorch carries headers of its own fmt, nlohmann-json and
# others, which must not take the place of those that we link.
target_compile_options(strait_libtorch INTERFACE
  "SHELL:-idirafter ${STRAIT_TORCH}/include"
  "SHELL:-idirafter ${STRAIT_TORCH}/include/torch/csrc/api/include")
target_link_libraries(strait_libtorch INTERFACE
  ${STRAIT_TORCH}/lib/libtorch_cpu.so ${STRAIT_TORCH}/lib/libc10.so)
target_link_options(strait_libtorch INTERFACE -Wl,-rpath,${STRAIT_TORCH}/lib)
