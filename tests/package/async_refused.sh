#!/bin/sh
# async_refused.sh COMPILER INCLUDE: a handler without an executor of its own is refused with a message
# that says what to do, since Asio would run it in a hidden thread pool; given one, it compiles.
set -eu
compiler=$1 include=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
message="this handler has no executor of its own"

compiles() {  # compiles STATEMENTS: as uses of `command`, `group`, `context` and `lambda`
  cat > "$work/host.cpp" <<END
#include <chrono>
#include <exception>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <treehold/async.hpp>
namespace asio = boost::asio;
void host(const treehold::Command& command, treehold::ProcessGroup& group, asio::io_context& context) {
  auto lambda = [](std::exception_ptr, const auto&...) {};
  (void)command, (void)group, (void)context, (void)lambda;
  $1;
}
END
  "$compiler" -std=c++20 -I "$include" -fsyntax-only "$work/host.cpp" 2> "$work/errors"
}

refused() {  # refused STATEMENT
  if compiles "$1"; then
    echo "compiles without an executor: $1"
    exit 1
  fi
  if ! grep -q "$message" "$work/errors"; then
    echo "is refused without the message: $1"
    cat "$work/errors"
    exit 1
  fi
}

refused "command.async_output(lambda)"
refused "command.async_exit_code(asio::use_future)"
refused "group.async_run(command, lambda)"
refused "group.async_wait_empty(asio::detached)"

# All at once: each by itself would take as long again.
if ! compiles "
  command.async_output(context, lambda);
  command.async_output(context.get_executor(), lambda);
  command.async_output(asio::bind_executor(context, lambda));
  command.async_exit_code(context, asio::use_future);
  command.async_start(context, asio::detached);
  group.async_run(command, context, lambda);
  group.async_stop(std::chrono::seconds(1), context, lambda);
  group.async_wait_empty(context, asio::use_future)"; then
  echo "does not compile with an executor"
  cat "$work/errors"
  exit 1
fi
echo "a handler without an executor is refused, one that has or is given one is not"
