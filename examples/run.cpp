// Runs programs, each with the verb that asks what one wants to know.
#include <chrono>
#include <exception>
#include <iostream>
#include <string>

#include <treehold/treehold.hpp>

using treehold::Command;
using namespace std::chrono_literals;

namespace {

bool verbs() {
  std::string kernel = Command("uname", {"-r"}).run();  // success required, newline trimmed
  treehold::Output listed = Command("ls", {"-l", "/proc/self"}).timeout(10s).output();
  int code = Command("cmp", {"-s", "/proc/version", "/dev/null"}).exit_code();
  bool mounted = Command("test", {"-d", "/proc/self"}).probe();  // 0 true, 1 false, else throws

  std::cout << kernel << ": " << listed.stdout_bytes.size() << " bytes\n";
  return !kernel.empty() && listed.outcome.success() && code == 1 && mounted;
}

bool errors() {
  bool caught = false;
  try {
    Command("sh", {"-c", "echo so far; sleep 60 & sleep 60"}).timeout(200ms).run();
  } catch (const treehold::TimedOut& error) {  // the whole tree is dead by now
    std::cout << error.what() << "; it said: " << error.output().stdout_bytes;
    caught = true;
  }
  return caught;
}

}  // namespace

int main() {
  try {
    return verbs() && errors() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
