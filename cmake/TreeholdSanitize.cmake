# Applies TREEHOLD_SANITIZE to every target below. The helper program and the code that runs in a child
# which shares the host's memory take it back: see platform/CMakeLists.txt.
if(TREEHOLD_SANITIZE)
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${TREEHOLD_SANITIZE};-fno-sanitize-recover=all;-fno-omit-frame-pointer>")
  add_link_options("-fsanitize=${TREEHOLD_SANITIZE}")
endif()

# What GCC says of the standard library and of Boost.Asio only because their code is instrumented: that
# values may be uninitialised, and that the thread sanitizer does not model fences.
if(TREEHOLD_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(treehold_warnings INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized;-Wno-tsan>")
endif()
if(TREEHOLD_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # It puts data before each function, which clang 14 cannot do for the parts of a coroutine.
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize=function>")
endif()
