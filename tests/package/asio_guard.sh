#!/bin/sh
# asio_guard.sh COMPILER INCLUDE LIBRARY: a host that compiles Boost.Asio otherwise than the library was
# compiled does not link: what its objects ask for is not there.
set -eu
compiler=$1 include=$2 library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wanted() {  # wanted FLAG...: the symbol that an object of such a host asks for
  cat > "$work/host.cpp" <<'END'
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <treehold/async.hpp>
void host(boost::asio::io_context& context) {
  treehold::Command("true").async_exit_code(context, boost::asio::detached);
}
END
  "$compiler" -std=c++20 "$@" -I "$include" -c "$work/host.cpp" -o "$work/host.o"
  nm -u "$work/host.o" | grep -o '[^ ]*AsioConfigurationOf[^ ]*require[^ ]*'
}

defines() {  # defines SYMBOL
  { nm --defined-only "$library"; nm -D --defined-only "$library"; } 2>/dev/null | grep -qw "$1"
}

defines "$(wanted)" || { echo "the library lacks the symbol of its own configuration"; exit 1; }
if defines "$(wanted -DBOOST_ASIO_DISABLE_EPOLL)"; then
  echo "a host without epoll would link"
  exit 1
fi
echo "a host with another configuration of Asio does not link"
