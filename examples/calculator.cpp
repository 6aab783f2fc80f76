// Talks to bc. `example_calculator -` asks it what it reads; without, it asks some questions of its
// own.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <treehold/treehold.hpp>

using treehold::Command;
using treehold::Stream;

namespace {

class Calculator {
 public:
  /// What bc answers, or says of a question that it does not understand.
  std::string ask(std::string_view question) {
    bc_.input().write_line(question);
    // A mark behind the answer, since some questions have none, and others several lines.
    bc_.input().write_line("\"=\n\"");
    std::string answer;
    std::optional<std::string> line = bc_.read_line(Stream::out);
    for (; line && *line != "="; line = bc_.read_line(Stream::out)) {
      answer += *line + "\n";
    }
    return line ? answer : "bc has gone\n";
  }

 private:
  // Both streams in one, so that what is wrong comes where the answer would.
  treehold::Process bc_ = Command("bc", {"-q"}).stdin_pipe().stderr_to_stdout().start();
};

bool knows_the_answer() {
  Calculator calculator;
  for (const char* question : {"6*7", "x=2^64", "x-1", "1/0", "scale=3; 1/3"}) {
    std::cout << question << ": " << calculator.ask(question) << "\n";
  }
  return calculator.ask("6*7") == "42\n" && calculator.ask("x") == "18446744073709551616\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc > 1 && std::string_view(argv[1]) == "-") {
      Calculator calculator;
      for (std::string question; std::getline(std::cin, question);) {
        std::cout << calculator.ask(question);
      }
      return EXIT_SUCCESS;
    }
    return knows_the_answer() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
