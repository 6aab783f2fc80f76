// Compiles a small C project, so many files at a time, and gives everything up at the first
// failure: snippets of docs/async.md. `example_build PROJECT`, a folder of C files.
#include <boost/asio/detail/config.hpp>

#if defined(BOOST_ASIO_HAS_CO_AWAIT)

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "folder.hpp"
#include "run_coroutine.hpp"

namespace asio = boost::asio;
namespace fs = std::filesystem;
using treehold::Command;

namespace {

/// What is to be built, and where.
struct Project {
  std::vector<fs::path> sources;
  fs::path folder;
};

fs::path object_of(const Project& project, const fs::path& source) {
  return project.folder / source.filename().replace_extension(".o");
}

Command linker(const Project& project) {
  Command command("cc", {"-o", (project.folder / "calc").string()});
  for (const fs::path& source : project.sources) {
    command.arg(object_of(project, source));
  }
  return command;
}

std::vector<Command> compilers(const Project& project) {
  std::vector<Command> commands;
  for (const fs::path& source : project.sources) {
    commands.push_back(Command("cc", {"-O1", "-c", "-o", object_of(project, source), source}));
  }
  return commands;
}

asio::awaitable<void> build(const Project& project) {
  auto executor = co_await asio::this_coro::executor;
  treehold::AsCompleted compiled = treehold::as_completed(compilers(project), 2, executor);
  while (auto done = co_await compiled.async_next(asio::use_awaitable)) {
    const treehold::Output& output = done->result.value();  // throws what this run threw
    if (!output.outcome.success()) {
      throw std::runtime_error(output.stderr_bytes);  // ends the other compilers, starts no more
    }
    std::cout << project.sources[done->index].filename().string() << " is compiled\n";
  }
  co_await linker(project).async_checked(asio::use_awaitable);
}

bool builds(const Project& project) {
  run_coroutine(build(project));
  const std::string answer = Command((project.folder / "calc").string(), {"6*(3+4)"}).run();
  std::cout << "6*(3+4) is " << answer << "\n";
  return answer == "42";
}

bool stops_at_the_first_failure(Project project) {
  const fs::path broken = project.folder / "broken.c";
  std::ofstream(broken) << "int broken\n";
  project.sources.push_back(broken);
  try {
    run_coroutine(build(project));
  } catch (const std::runtime_error& failure) {
    std::cout << failure.what() << "\n";
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: example_build PROJECT\n";
    return EXIT_FAILURE;
  }
  try {
    const Folder folder;
    Project project{{}, folder.path()};
    for (const fs::directory_entry& entry : fs::directory_iterator(argv[1])) {
      if (entry.path().extension() == ".c") {
        project.sources.push_back(entry.path());
      }
    }
    return builds(project) && stops_at_the_first_failure(project) ? EXIT_SUCCESS : EXIT_FAILURE;
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
