# GCC 12's thread sanitizer ends with "unexpected memory mapping" where the kernel moves mappings by
# more than 28 bits (Ubuntu 24.04, newer kernels): run such programs with that moving switched off.

set(mmap_rnd_bits 28)
if(EXISTS /proc/sys/vm/mmap_rnd_bits)
  file(READ /proc/sys/vm/mmap_rnd_bits mmap_rnd_bits)
  string(STRIP "${mmap_rnd_bits}" mmap_rnd_bits)
endif()
if(mmap_rnd_bits GREATER 28 AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  execute_process(COMMAND setarch -R true RESULT_VARIABLE refused OUTPUT_QUIET ERROR_QUIET)
  if(refused)
    message(WARNING "tsan programs need 'setarch -R' here, which this container forbids; "
                    "allow it, or run 'sysctl vm.mmap_rnd_bits=28' on the host")
  else()
    set(CMAKE_CROSSCOMPILING_EMULATOR setarch -R)  # CTest and Catch.cmake put it before a program
  endif()
endif()
