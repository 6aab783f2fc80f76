// Talks to a live program.
#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include <treehold/treehold.hpp>

using treehold::Command;

namespace {

bool converse() {
  treehold::Process sort = Command("sort").stdin_pipe().start();
  sort.input().write("pear\napple\n");
  sort.input().close();
  std::optional<std::string> first = sort.read_line(treehold::Stream::out);  // "apple"
  treehold::Outcome outcome = sort.wait();

  std::cout << first.value_or("nothing") << ", " << outcome.describe() << "\n";
  return first == "apple" && outcome.success();
}

}  // namespace

int main() {
  try {
    return converse() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
