# What clang would compile for 64-bit Windows, with the headers of GCC's cross build: for clang-tidy. Nothing is built.
include("${CMAKE_CURRENT_LIST_DIR}/mingw-w64.cmake")
execute_process(
  COMMAND "${CMAKE_CXX_COMPILER}" -print-file-name=include
  OUTPUT_VARIABLE gcc_headers OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(CMAKE_C_COMPILER clang-14)
set(CMAKE_CXX_COMPILER clang++-14)
set(CMAKE_C_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_CXX_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_CXX_FLAGS_INIT
  "-nostdinc++ -isystem ${gcc_headers}/c++ -isystem ${gcc_headers}/c++/x86_64-w64-mingw32 -isystem ${gcc_headers}/c++/backward")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
