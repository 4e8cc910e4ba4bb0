# ccache, where it is installed, told where the repository is: without the first two settings every
# fresh clone misses (absolute paths and the current folder are part of the hash), without the third
# every file that uses precompiled headers does. Such files are told apart by all their definitions:
# one that holds a path (STRAIT_SOURCE_DIR) goes to the source files that read it, not to a target.
# A launcher given on the command line wins.

find_program(STRAIT_CCACHE ccache DOC "ccache; empty: compile without")
if(STRAIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${STRAIT_CCACHE})
endif()
