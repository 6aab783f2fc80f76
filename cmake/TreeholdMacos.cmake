# Toolchain file: macOS, by the compiler that `./dev build-macos` fetches. TREEHOLD_MACOS_PROCESSOR: aarch64 or
# x86_64.
set(CMAKE_SYSTEM_NAME Darwin)
set(TREEHOLD_MACOS_PROCESSOR aarch64 CACHE STRING "Processor to build for: aarch64 or x86_64")
set(CMAKE_SYSTEM_PROCESSOR "${TREEHOLD_MACOS_PROCESSOR}")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TREEHOLD_MACOS_PROCESSOR)

set(TREEHOLD_ZIG zig)
set(TREEHOLD_ZIG_TARGET "${CMAKE_SYSTEM_PROCESSOR}-macos")
include("${CMAKE_CURRENT_LIST_DIR}/TreeholdZig.cmake")
# Asked for by CMake, needed by nothing that is built here.
set(CMAKE_INSTALL_NAME_TOOL "${treehold_zig}/ar" CACHE FILEPATH "")
# The compiler brings headers and libraries of the system with it.
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")
