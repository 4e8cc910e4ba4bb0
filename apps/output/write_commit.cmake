# Writes HEADER with the commit of SOURCE ("unknown" outside a repository).
cmake_minimum_required(VERSION 3.20)
execute_process(
  COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define STRAIT_COMMIT \"@commit@\"\n" @ONLY)
