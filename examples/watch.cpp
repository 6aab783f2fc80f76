// Watches a build line by line: `example_watch PROJECT`, a folder with a Makefile.
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <variant>

#include <treehold/treehold.hpp>

#include "folder.hpp"

using treehold::Command;

namespace {

/// Whether the build succeeded; tells what it does meanwhile.
bool watch(const std::filesystem::path& project, const std::filesystem::path& folder) {
  treehold::Process make =
      Command("make", {"-j2", "-f", (project / "Makefile").string()}).current_dir(folder).start();
  int step = 0;
  for (const treehold::Event& event : make.events()) {
    if (const auto* line = std::get_if<treehold::OutputLine>(&event)) {
      const bool wrong = line->stream == treehold::Stream::err;
      std::cout << (wrong ? "warning: " : std::to_string(++step) + ": ") << line->text << "\n";
    } else if (const auto* end = std::get_if<treehold::ProcessEnded>(&event)) {
      std::cout << "make " << end->outcome.describe() << "\n";
      return end->outcome.success() && step > 0;
    }
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: example_watch PROJECT\n";
    return EXIT_FAILURE;
  }
  try {
    const Folder folder;
    return watch(std::filesystem::absolute(argv[1]), folder.path()) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
