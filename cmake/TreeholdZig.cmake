# What toolchain files for compilers of `./dev build-macos` and `./dev build-freebsd` share. Before it is included:
# TREEHOLD_ZIG, the folder in build/ with the compiler; TREEHOLD_ZIG_TARGET, what it builds for.
get_filename_component(treehold_zig "${CMAKE_CURRENT_LIST_DIR}/../build/${TREEHOLD_ZIG}" ABSOLUTE)
set(CMAKE_C_COMPILER "${treehold_zig}/cc")
set(CMAKE_CXX_COMPILER "${treehold_zig}/c++")
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET "${TREEHOLD_ZIG_TARGET}")
endforeach()
set(CMAKE_AR "${treehold_zig}/ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${treehold_zig}/ranlib" CACHE FILEPATH "")
# CMake would find it out with an option that this compiler does not have.
set(CMAKE_SIZEOF_VOID_P 8)

set(CMAKE_FIND_ROOT_PATH "${treehold_zig}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
