# What clang would compile for macOS, with the headers of the compiler that `./dev build-macos` fetches: for clang-tidy.
# Nothing is built.
include("${CMAKE_CURRENT_LIST_DIR}/TreeholdMacos.cmake")
set(CMAKE_C_COMPILER clang-14)
set(CMAKE_CXX_COMPILER clang++-14)
set(CMAKE_ASM_COMPILER clang-14)
foreach(language C CXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET arm64-apple-macos11)
endforeach()
get_filename_component(macos_headers "${CMAKE_CURRENT_LIST_DIR}/../build/zig/package/lib" ABSOLUTE)
string(CONCAT CMAKE_CXX_FLAGS_INIT
  "-nostdinc++ -nostdlibinc -isystem ${macos_headers}/libcxx/include -isystem ${macos_headers}/libcxxabi/include"
  " -isystem ${macos_headers}/libc/include/aarch64-macos.11-none -isystem ${macos_headers}/libc/include/any-macos.11-any"
  " -isystem ${macos_headers}/libc/include/any-macos-any -D_LIBCPP_DISABLE_VISIBILITY_ANNOTATIONS"
  " -D_LIBCPP_HAS_NO_VENDOR_AVAILABILITY_ANNOTATIONS -D_LIBCPP_ABI_VERSION=1 -D_LIBCPP_ABI_NAMESPACE=__1")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
