#!/bin/sh
# consumers.sh SOURCE BUILD WORK: installs the built library and a second build of the other kind (shared
# beside static), and lets programs use them by find_package, by pkg-config, and as part of their own build.
set -eu
source=$1
build=$2
work=$3
here=$source/tests/package

expect_hi() {  # expect_hi WHAT PROGRAM
  said=$("$2")
  if [ "$said" != hi ]; then
    echo "$1: expected hi, got: $said"
    exit 1
  fi
  echo "$1: works"
}

configure() {  # configure SOURCE BUILD OPTION...: quiet unless it fails
  from=$1
  to=$2
  shift 2
  "$CMAKE" -S "$from" -B "$to" -G "$GENERATOR" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$LAUNCHER" "$@" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

compile() {  # compile BUILD
  "$CMAKE" --build "$1" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}

use_installed() {  # use_installed KIND PREFIX
  kind=$1
  prefix=$2
  [ -x "$prefix/libexec/treehold/treehold-agent" ] || { echo "$kind: the helper is not installed"; exit 1; }

  configure "$here/installed" "$work/$kind-find_package" -DCMAKE_PREFIX_PATH="$prefix"
  compile "$work/$kind-find_package"
  expect_hi "$kind, find_package" "$work/$kind-find_package/consumer"

  if [ ! -x "$PKG_CONFIG" ]; then
    echo "$kind, pkg-config: not here"
    return
  fi
  description=$(find "$prefix" -name treehold.pc)
  directory=$(dirname "$description")
  set --
  [ "$kind" = shared ] || set -- --static
  # One word a flag: the flags are meant to be split.
  # shellcheck disable=SC2046
  "$CXX" -std=c++20 "$here/consumer.cpp" -o "$work/$kind-pkg-config" \
    $(PKG_CONFIG_PATH=$directory "$PKG_CONFIG" "$@" --cflags --libs treehold)
  library_directory=$(PKG_CONFIG_PATH=$directory "$PKG_CONFIG" --variable=libdir treehold)
  LD_LIBRARY_PATH=$library_directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
  expect_hi "$kind, pkg-config" "$work/$kind-pkg-config"
  unset LD_LIBRARY_PATH
}

case $SHARED in
  ON | 1 | TRUE | true) built=shared other=static other_shared=OFF ;;
  *) built=static other=shared other_shared=ON ;;
esac

rm -rf "$work"
mkdir -p "$work"

"$CMAKE" --install "$build" --prefix "$work/$built" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
use_installed "$built" "$work/$built"

# Several sources in one, as a user may build all of a project, and soon done.
configure "$here/embedded" "$work/embedded" -DBUILD_SHARED_LIBS=$other_shared -DTREEHOLD_INSTALL=ON \
  -DCMAKE_UNITY_BUILD=ON \
  -DTREEHOLD_SOURCE="$source" -DCMAKE_INSTALL_PREFIX="$work/$other"
compile "$work/embedded"
expect_hi "$other, FetchContent" "$work/embedded/consumer"

"$CMAKE" --install "$work/embedded" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
use_installed "$other" "$work/$other"
