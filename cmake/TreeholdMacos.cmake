# Toolchain file: macOS, by the compiler that `./dev build-macos` fetches. TREEHOLD_MACOS_PROCESSOR: aarch64 or
# x86_64.
set(CMAKE_SYSTEM_NAME Darwin)
set(TREEHOLD_MACOS_PROCESSOR aarch64 CACHE STRING "Processor to build for: aarch64 or x86_64")
set(CMAKE_SYSTEM_PROCESSOR "${TREEHOLD_MACOS_PROCESSOR}")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TREEHOLD_MACOS_PROCESSOR)

set(treehold_zig "${CMAKE_CURRENT_LIST_DIR}/zig")
set(CMAKE_C_COMPILER "${treehold_zig}/cc")
set(CMAKE_CXX_COMPILER "${treehold_zig}/c++")
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET "${CMAKE_SYSTEM_PROCESSOR}-macos")
endforeach()
set(CMAKE_AR "${treehold_zig}/ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${treehold_zig}/ranlib" CACHE FILEPATH "")
# Asked for by CMake, needed by nothing that is built here.
set(CMAKE_INSTALL_NAME_TOOL "${treehold_zig}/zig" CACHE FILEPATH "")
# CMake would find it out with an option that this compiler does not have.
set(CMAKE_SIZEOF_VOID_P 8)
# The compiler brings headers and libraries of the system with it.
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")

set(CMAKE_FIND_ROOT_PATH "${treehold_zig}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
