# LibTorch as one target from a folder that holds include/ and lib/: the wheel, the downloadable
# archive (CPU or CUDA) or a system package. (The wheel's own find_package(Torch) wants a CUDA
# toolkit at configure time.) Only libtorch_cpu and libc10 are linked; a program that wants the GPU
# loads libtorch_cuda.so from the same folder at run time.

# Which folder: -D STRAIT_TORCH, the environment's STRAIT_TORCH, what scripts/setup.sh installed
# into the environment's STRAIT_DEPS, the folder of the last time, or .deps.
set(STRAIT_TORCH "" CACHE PATH "Folder that holds LibTorch's include/ and lib/; empty: search")
if(STRAIT_TORCH)
  set(torch "${STRAIT_TORCH}")
elseif(NOT "$ENV{STRAIT_TORCH}" STREQUAL "")
  set(torch "$ENV{STRAIT_TORCH}")
elseif(NOT "$ENV{STRAIT_DEPS}" STREQUAL "")
  set(torch "$ENV{STRAIT_DEPS}/python/torch")
elseif(STRAIT_TORCH_LAST_TIME)
  set(torch "${STRAIT_TORCH_LAST_TIME}")
else()
  set(torch "${CMAKE_SOURCE_DIR}/.deps/python/torch")
endif()

if(NOT EXISTS "${torch}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "no LibTorch in '${torch}': run scripts/setup.sh, or set STRAIT_TORCH to a "
                      "folder that holds lib/libtorch_cpu.so")
endif()

# The version stands in one of two headers, depending on itself.
foreach(header headeronly/version.h csrc/api/include/torch/version.h)
  if(NOT torch_version AND EXISTS "${torch}/include/torch/${header}")
    file(STRINGS "${torch}/include/torch/${header}" lines REGEX "TORCH_VERSION_M(AJOR|INOR) [0-9]")
    string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" torch_version "${lines}")
  endif()
endforeach()
if(NOT torch_version MATCHES "^[0-9]+\\.[0-9]+$" OR torch_version VERSION_LESS 2.7)
  message(FATAL_ERROR "LibTorch in '${torch}' is '${torch_version}'; Strait needs 2.7 or newer")
endif()
file(STRINGS "${torch}/lib/libc10.so" new_abi REGEX "_ZN.*3c10.*__cxx11" LIMIT_COUNT 1)
if(NOT new_abi)
  message(FATAL_ERROR "LibTorch in '${torch}' has the old C++ ABI; take a 'cxx11 ABI' build")
endif()
if(NOT torch STREQUAL STRAIT_TORCH_LAST_TIME)
  message(STATUS "LibTorch ${torch_version} in ${torch}")
  unset(STRAIT_TORCH_EXPORTS_BLAS CACHE)
endif()
set(STRAIT_TORCH_LAST_TIME "${torch}" CACHE INTERNAL "What a configuration without settings takes")

add_library(strait_libtorch INTERFACE)
# -idirafter, behind the system's folders: LibTorch carries headers of its own fmt, nlohmann-json
# and others, which must not take the place of those that we link.
target_compile_options(strait_libtorch INTERFACE
  "SHELL:-idirafter '${torch}/include'"
  "SHELL:-idirafter '${torch}/include/torch/csrc/api/include'")
target_link_libraries(strait_libtorch INTERFACE ${torch}/lib/libtorch_cpu.so ${torch}/lib/libc10.so)
target_link_options(strait_libtorch INTERFACE -Wl,-rpath,${torch}/lib)

# core/train/tasks/matrix.cc calls BLAS. The wheels and archives carry one inside libtorch_cpu;
# builds of a distribution use the system's.
include(CheckLibraryExists)
check_library_exists(${torch}/lib/libtorch_cpu.so sgemm_ "" STRAIT_TORCH_EXPORTS_BLAS)
if(NOT STRAIT_TORCH_EXPORTS_BLAS)
  find_package(BLAS QUIET)
  if(NOT BLAS_FOUND)
    message(FATAL_ERROR "LibTorch in '${torch}' exports no BLAS, and the system has none: install "
                        "libopenblas-dev")
  endif()
  target_link_libraries(strait_libtorch INTERFACE BLAS::BLAS)
endif()
