# Uses ccache when it is there, unless the caller chose a launcher.
find_program(TREEHOLD_CCACHE ccache)
mark_as_advanced(TREEHOLD_CCACHE)
if(TREEHOLD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these ccache stores nothing that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${TREEHOLD_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
