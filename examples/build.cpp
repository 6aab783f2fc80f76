// Compiles a few files at the same time, at most two at once, and gives everything up at the first
// failure: the snippets of docs/async.md.
#include <boost/asio/detail/config.hpp>

#if defined(BOOST_ASIO_HAS_CO_AWAIT)

#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
using treehold::Command;

namespace {

const std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                     ("treehold-example-" + std::to_string(std::random_device()()));

Command compiler(const std::string& file) {
  return Command("cc", {"-c", file}).current_dir(folder).timeout(1min);
}

asio::awaitable<void> compile(std::vector<std::string>& files) {
  while (!files.empty()) {
    const std::string file = files.back();
    files.pop_back();
    // Throws NonZeroExit with the compiler's words when it fails; cancelled, its tree is ended
    // first.
    co_await compiler(file).async_checked(asio::use_awaitable);
    std::cout << file << " is compiled\n";
  }
}

asio::awaitable<void> build(std::vector<std::string> files) {
  // Two workers; when one throws, the other is cancelled.
  co_await (compile(files) && compile(files));
}

asio::awaitable<int> count_lines() {
  const Command numbers("seq", {"1", "1000"});
  treehold::Process child = co_await numbers.async_start(asio::use_awaitable);
  int lines = 0;
  while (auto line = co_await child.async_read_line(treehold::Stream::out, asio::use_awaitable)) {
    ++lines;  // a slow reader holds the child back
  }
  co_await child.async_wait(asio::use_awaitable);
  co_return lines;
}

/// Runs a coroutine on a context of its own; whether it came to its end.
template <class Awaitable>
bool succeeds(Awaitable awaitable) {
  asio::io_context context;
  bool good = false;
  asio::co_spawn(context, std::move(awaitable),
                 [&good](const std::exception_ptr& error, auto... /*value*/) { good = !error; });
  context.run();
  return good;
}

}  // namespace

int main() {
  std::filesystem::create_directory(folder);
  for (const char* name : {"one", "two", "three"}) {
    std::ofstream(folder / (std::string(name) + ".c")) << "int " << name << ";\n";
  }
  std::ofstream(folder / "broken.c") << "int broken\n";
  const bool built = succeeds(build({"one.c", "two.c", "three.c"}));
  const bool broke = !succeeds(build({"one.c", "broken.c", "two.c", "three.c"}));
  const bool counted = succeeds(count_lines());
  std::filesystem::remove_all(folder);
  return built && broke && counted ? EXIT_SUCCESS : EXIT_FAILURE;
}

#else

int main() {
  return 0;  // a compiler without coroutines
}

#endif
