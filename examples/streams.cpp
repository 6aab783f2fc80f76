// The streams of a live process in coroutines: snippets of docs/async.md.
#include <boost/asio/detail/config.hpp>

#if defined(BOOST_ASIO_HAS_CO_AWAIT)

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "run_coroutine.hpp"

namespace asio = boost::asio;
using treehold::Command;
using treehold::Process;
using treehold::Stream;

namespace {

asio::awaitable<int> count_lines() {
  const Command numbers("seq", {"1", "1000"});
  Process child = co_await numbers.async_start(asio::use_awaitable);
  int lines = 0;
  while (auto line = co_await child.async_read_line(Stream::out, asio::use_awaitable)) {
    ++lines;  // a slow reader holds the child back
  }
  co_await child.async_wait(asio::use_awaitable);
  co_return lines;
}

/// Of many: all that are there at a time.
asio::awaitable<std::size_t> longest_line() {
  const Command numbers("seq", {"1", "100000"});
  Process child = co_await numbers.async_start(asio::use_awaitable);
  std::size_t longest = 0;
  for (;;) {
    const auto lines = co_await child.async_read_lines(Stream::out, asio::use_awaitable);
    if (lines.empty()) {
      co_return longest;
    }
    for (std::string_view line : lines) {
      longest = std::max(longest, line.size());
    }
  }
}

asio::awaitable<int> count_complaints(Command command) {
  Process child = co_await command.async_start(asio::use_awaitable);
  int complaints = 0;
  while (auto event = co_await child.async_next_event(asio::use_awaitable)) {
    if (const auto* line = std::get_if<treehold::OutputLine>(&*event)) {
      complaints += line->stream == Stream::err ? 1 : 0;
    }
  }
  co_return complaints;
}

asio::awaitable<std::string> converse() {
  const Command command = Command("sort").stdin_pipe();
  Process sort = co_await command.async_start(asio::use_awaitable);
  co_await sort.input().async_write_line("pear", asio::use_awaitable);
  co_await sort.input().async_write_line("apple", asio::use_awaitable);
  sort.input().close();
  std::string text;
  auto pipe = sort.stdout_pipe();  // an AsyncReadStream
  const std::size_t size =
      co_await asio::async_read_until(pipe, asio::dynamic_buffer(text), '\n', asio::use_awaitable);
  co_return text.substr(0, size - 1);
}

}  // namespace

int main() {
  try {
    const Command noisy("sh", {"-c", "echo fine; echo wrong >&2; echo worse >&2"});
    const bool good = run_coroutine(count_lines()) == 1000 && run_coroutine(longest_line()) == 6 &&
                      run_coroutine(count_complaints(noisy)) == 2 &&
                      run_coroutine(converse()) == "apple";
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}

#else

int main() {
  return 77;  // a compiler without coroutines
}

#endif
