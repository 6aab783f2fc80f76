// Many programs at once, in both forms: some of the snippets of docs/async.md and docs/guide.md.
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <boost/asio/detail/config.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#if defined(BOOST_ASIO_HAS_CO_AWAIT)
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "run_coroutine.hpp"

namespace asio = boost::asio;
#endif

using treehold::Command;

namespace {

std::vector<Command> counters(const std::vector<std::string>& files) {
  std::vector<Command> commands;
  for (const std::string& file : files) {
    commands.push_back(Command("wc", {"-l", file}));
  }
  return commands;
}

std::size_t all_at_once(const std::vector<std::string>& files) {
  std::size_t good = 0;
  for (const treehold::OutputResult& result : treehold::output_all(counters(files), 8)) {
    good += result && result->outcome.success() ? 1 : 0;
  }
  return good;
}

std::size_t as_they_end(const std::vector<std::string>& files) {
  std::size_t count = 0;
  for (treehold::Completed& done : treehold::as_completed(counters(files), 8)) {
    std::cout << files[done.index] << ": " << done.result.value().outcome.describe() << "\n";
    ++count;
  }
  return count;
}

bool first_of_two() {
  treehold::Process server = Command("sleep", {"60"}).start();
  treehold::Process client = Command("true").start();
  std::size_t over = treehold::wait_any({&server, &client});
  return over == 1 && client.wait().success();  // the server goes on until it is destroyed
}

#if defined(BOOST_ASIO_HAS_CO_AWAIT)

asio::awaitable<std::size_t> results_of(std::vector<std::string> files) {
  auto results = co_await treehold::async_output_all(counters(files), 8, asio::use_awaitable);
  std::size_t bytes = 0;
  for (const treehold::OutputResult& result : results) {
    bytes += result.value().stdout_bytes.size();  // throws what this run threw
  }
  co_return bytes;
}

asio::awaitable<void> report(std::vector<std::string> files) {
  auto executor = co_await asio::this_coro::executor;
  treehold::AsCompleted all = treehold::as_completed(counters(files), 8, executor);
  while (auto done = co_await all.async_next(asio::use_awaitable)) {
    std::cout << files[done->index] << " is counted\n";
  }
}

asio::awaitable<void> either() {
  const Command slow("sleep", {"60"});
  treehold::Process server = co_await slow.async_start(asio::use_awaitable);
  treehold::Process client = co_await Command("true").async_start(asio::use_awaitable);
  const std::vector<treehold::Process*> both{&server, &client};
  std::size_t over = co_await treehold::async_wait_any(both, asio::use_awaitable);
  std::cout << (over == 1 ? "the client has ended\n" : "the server has ended\n");
}

bool asynchronously(const std::vector<std::string>& files) {
  run_coroutine(report(files));
  run_coroutine(either());
  return run_coroutine(results_of(files)) > 0;
}

#else

bool asynchronously(const std::vector<std::string>&) {
  return true;  // a compiler without coroutines
}

#endif

}  // namespace

int main() {
  const std::vector<std::string> files{"/proc/version", "/proc/mounts", "/proc/self/status"};
  try {
    const bool good = all_at_once(files) == files.size() && as_they_end(files) == files.size() &&
                      first_of_two() && asynchronously(files);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
