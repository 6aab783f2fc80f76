# Toolchain file: FreeBSD 14 on x86-64, by the compiler that `./dev build-freebsd` fetches.
set(CMAKE_SYSTEM_NAME FreeBSD)
set(CMAKE_SYSTEM_VERSION 14.0)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

set(TREEHOLD_ZIG zig-freebsd)
set(TREEHOLD_ZIG_TARGET x86_64-freebsd.14.0)
include("${CMAKE_CURRENT_LIST_DIR}/TreeholdZig.cmake")
