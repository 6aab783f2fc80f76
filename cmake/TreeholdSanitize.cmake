# Applies TREEHOLD_SANITIZE to every target below. The helper program and the code that runs in a child
# which shares the host's memory take it back: see platform/CMakeLists.txt.
if(TREEHOLD_SANITIZE)
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${TREEHOLD_SANITIZE};-fno-sanitize-recover=all;-fno-omit-frame-pointer>")
  add_link_options("-fsanitize=${TREEHOLD_SANITIZE}")
endif()
