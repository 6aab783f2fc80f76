# Headers, library, CMake package and pkg-config file; the helper and the program bring their own rules.
include(CMakePackageConfigHelpers)

set(treehold_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/treehold")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/treehold"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(TARGETS treehold EXPORT treehold_targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(EXPORT treehold_targets
  NAMESPACE treehold:: FILE treeholdTargets.cmake DESTINATION "${treehold_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/treeholdConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/treeholdConfig.cmake" INSTALL_DESTINATION "${treehold_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/treeholdConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/treeholdConfig.cmake" "${PROJECT_BINARY_DIR}/treeholdConfigVersion.cmake"
  DESTINATION "${treehold_package_dir}")

# The prefix is found from where the file lies, so that an installed tree can be moved.
file(RELATIVE_PATH treehold_pc_to_prefix
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" treehold_pc_to_prefix "${treehold_pc_to_prefix}")
foreach(kind LIB INCLUDE)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}DIR}")
    set(treehold_pc_${kind}DIR "${CMAKE_INSTALL_${kind}DIR}")
  else()
    set(treehold_pc_${kind}DIR "\${prefix}/${CMAKE_INSTALL_${kind}DIR}")
  endif()
endforeach()
set(treehold_pc_cflags "")
if(BUILD_SHARED_LIBS)
  set(treehold_pc_cflags " -DTREEHOLD_SHARED")
endif()
set(treehold_pc_requires spdlog ${treehold_system_modules})
list(JOIN treehold_pc_requires ", " treehold_pc_requires)
list(TRANSFORM CMAKE_DL_LIBS PREPEND " -l" OUTPUT_VARIABLE treehold_pc_dl)
configure_file("${PROJECT_SOURCE_DIR}/cmake/treehold.pc.in" "${PROJECT_BINARY_DIR}/treehold.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/treehold.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
