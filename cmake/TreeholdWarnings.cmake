# treehold_warnings: what our own code is compiled with; never part of what users get.
add_library(treehold_warnings INTERFACE)
target_compile_options(treehold_warnings INTERFACE
  "$<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wshadow>"
  "$<$<COMPILE_LANG_AND_ID:CXX,MSVC>:/W4>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overruns in its own std::string under C++20 (bugs 105329 and 105651 of GCC), and the frames of
  # coroutines, which Asio allocates and frees by functions of its own, freed by the wrong one.
  target_compile_options(treehold_warnings INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow;-Wno-mismatched-new-delete>")
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC takes a source that another one includes for a header.
  target_compile_options(treehold_warnings INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>")
endif()
if(TREEHOLD_WERROR)
  target_compile_options(treehold_warnings INTERFACE
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:-Werror>"
    "$<$<COMPILE_LANG_AND_ID:CXX,MSVC>:/WX>")
endif()
