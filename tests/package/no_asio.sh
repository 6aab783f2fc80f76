#!/bin/sh
# no_asio.sh COMPILER INCLUDE: users of the synchronous interface compile no Boost.Asio header.
set -eu
headers=$(echo '#include <treehold/treehold.hpp>' | "$1" -std=c++20 -I "$2" -x c++ -M -)
case $headers in
  *treehold/command.hpp*) ;;
  *) echo "the dependencies of treehold.hpp could not be listed"; exit 1 ;;
esac
if found=$(printf '%s\n' "$headers" | tr ' ' '\n' | grep 'boost/asio'); then
  echo "treehold/treehold.hpp includes Boost.Asio:"
  echo "$found"
  exit 1
fi
echo "treehold/treehold.hpp includes $(printf '%s\n' "$headers" | wc -w) headers, none of Boost.Asio"
