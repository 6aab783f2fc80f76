# The dependencies of a cross build, of headers alone: Boost, spdlog with {fmt}, CLI11 and Catch2 as the
# building machine has them, for a target system for which nobody packages them. Included before the first
# find_package, which then finds these instead, with the imported targets that the packages have otherwise:
#
#     Boost::headers  Boost::json  spdlog::spdlog  spdlog::spdlog_header_only  CLI11::CLI11  Catch2::Catch2
#
# The compiler never sees the building machine's other headers: it is given a folder of links to these.
if(CMAKE_VERSION VERSION_LESS 3.24)
  message(FATAL_ERROR "A cross build needs CMake 3.24 for CMAKE_FIND_PACKAGE_REDIRECTS_DIR")
endif()

set(TREEHOLD_HOST_HEADERS "/usr/include" CACHE PATH "Where a cross build takes the headers of its dependencies from")

set(treehold_headers "${PROJECT_BINARY_DIR}/dependencies/include")
file(MAKE_DIRECTORY "${treehold_headers}")
foreach(name boost spdlog fmt CLI catch2)
  if(EXISTS "${TREEHOLD_HOST_HEADERS}/${name}")
    file(CREATE_LINK "${TREEHOLD_HOST_HEADERS}/${name}" "${treehold_headers}/${name}" SYMBOLIC)
  else()
    file(REMOVE "${treehold_headers}/${name}")
  endif()
endforeach()

# treehold_header_package(name VERSION text MARKER header TARGETS ...): the package `name` is found where the
# header is, with these imported targets. It leaves other packages be.
function(treehold_header_package name)
  cmake_parse_arguments(PARSE_ARGV 1 package "" "VERSION;MARKER" "TARGETS")
  if(NOT EXISTS "${treehold_headers}/${package_MARKER}")
    message(STATUS "${name}: no ${TREEHOLD_HOST_HEADERS}/${package_MARKER}")
    return()
  endif()
  foreach(target IN LISTS package_TARGETS)
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} INTERFACE "${treehold_headers}")
  endforeach()
  file(WRITE "${CMAKE_FIND_PACKAGE_REDIRECTS_DIR}/${name}Config.cmake" "set(${name}_json_FOUND TRUE)\n")
  file(WRITE "${CMAKE_FIND_PACKAGE_REDIRECTS_DIR}/${name}ConfigVersion.cmake"
    "set(PACKAGE_VERSION \"${package_VERSION}\")\n"
    "if(NOT PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)\n"
    "  set(PACKAGE_VERSION_COMPATIBLE TRUE)\n"
    "endif()\n")
endfunction()

# treehold_defined(variable header macro): the value of a macro that a header defines.
function(treehold_defined variable header macro)
  set(value "")
  if(EXISTS "${treehold_headers}/${header}")
    file(STRINGS "${treehold_headers}/${header}" line REGEX "^#[ \t]*define[ \t]+${macro}[ \t]" LIMIT_COUNT 1)
    string(REGEX REPLACE "^#[ \t]*define[ \t]+${macro}[ \t]+\"?([^\" \t]*).*$" "\\1" value "${line}")
  endif()
  set(${variable} "${value}" PARENT_SCOPE)
endfunction()

treehold_defined(boost_version boost/version.hpp BOOST_LIB_VERSION)
string(REPLACE "_" "." boost_version "${boost_version}")
treehold_header_package(Boost VERSION "${boost_version}" MARKER boost/version.hpp TARGETS Boost::headers)

treehold_defined(spdlog_major spdlog/version.h SPDLOG_VER_MAJOR)
treehold_defined(spdlog_minor spdlog/version.h SPDLOG_VER_MINOR)
treehold_header_package(spdlog VERSION "${spdlog_major}.${spdlog_minor}" MARKER spdlog/version.h
  TARGETS spdlog::spdlog spdlog::spdlog_header_only)
foreach(target spdlog::spdlog spdlog::spdlog_header_only)
  if(TARGET ${target} AND EXISTS "${treehold_headers}/fmt")
    target_compile_definitions(${target} INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
  endif()
endforeach()

treehold_defined(cli11_version CLI/Version.hpp CLI11_VERSION)
treehold_header_package(CLI11 VERSION "${cli11_version}" MARKER CLI/Version.hpp TARGETS CLI11::CLI11)

treehold_defined(catch2_major catch2/catch.hpp CATCH_VERSION_MAJOR)
treehold_defined(catch2_minor catch2/catch.hpp CATCH_VERSION_MINOR)
treehold_header_package(Catch2 VERSION "${catch2_major}.${catch2_minor}" MARKER catch2/catch.hpp
  TARGETS Catch2::Catch2)

# Boost.JSON is the one that is a library: its headers hold the sources as well.
if(TARGET Boost::headers)
  set(treehold_json "${PROJECT_BINARY_DIR}/dependencies/json.cpp")
  file(CONFIGURE OUTPUT "${treehold_json}" CONTENT "#include <boost/json/src.hpp>\n")
  add_library(treehold_boost_json STATIC EXCLUDE_FROM_ALL "${treehold_json}")
  target_compile_features(treehold_boost_json PUBLIC cxx_std_20)
  target_compile_definitions(treehold_boost_json PUBLIC BOOST_JSON_NO_LIB BOOST_CONTAINER_NO_LIB)
  target_link_libraries(treehold_boost_json PUBLIC Boost::headers)
  add_library(Boost::json ALIAS treehold_boost_json)
endif()
