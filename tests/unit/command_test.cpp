// Commands as values, and the two ways of showing them.
#include <filesystem>
#include <list>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using treehold::Command;

namespace {

std::vector<std::string> received(const Command& command) {
  const std::string text = command.output().stdout_bytes;
  std::vector<std::string> words;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\0', start);
    words.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return words;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("a list of two is always two arguments", "[unit]") {
  const std::string role = "--role=arguments";
  CHECK(received(Command(support::self(), {role.c_str(), "two"})) == Words{"two"});
  CHECK(received(Command(support::self(), {role, std::string("two")})) == Words{"two"});
  CHECK(received(Command(support::self(), {role, "a b", "c"})) == Words{"a b", "c"});
  CHECK(received(Command(support::self()).args({role, "x"})) == Words{"x"});
  const char* first = role.c_str();
  const char* second = "pointer";
  CHECK(received(Command(support::self(), {first, second})) == Words{"pointer"});
  const std::string_view view = "view";
  CHECK(received(Command(support::self(), {std::string_view(role), view})) == Words{"view"});
  CHECK(received(Command(support::self(), {role, std::filesystem::path("/a/path")})) ==
        Words{"/a/path"});
}

TEST_CASE("arguments come from any range of strings", "[unit]") {
  const std::string role = "--role=arguments";
  CHECK(received(Command(support::self(), Words{role, "a", "b"})) == Words{"a", "b"});
  CHECK(received(Command(support::self(), std::list<std::string>{role, "a"})) == Words{"a"});
  CHECK(received(Command(support::self()).arg(role).args(std::set<std::string>{"b", "a"})) ==
        Words{"a", "b"});
  CHECK(received(Command(support::self()).arg(role).args(std::vector<const char*>{"x", "y"})) ==
        Words{"x", "y"});
  CHECK(received(Command(support::self()).arg(role).args(Words{})).empty());
  const std::vector<std::filesystem::path> paths{"/p", "/q"};
  CHECK(received(Command(support::self()).arg(role).args(paths)) == Words{"/p", "/q"});
}

TEST_CASE("arguments arrive byte for byte", "[unit]") {
  const Words odd{"",       " ",    "a b",      "'",  "\"", "\\",  "$HOME", "`id`", "*", "line\nx",
                  "\t tab", "\x1b", "\xff\xfe", "-n", "--", "ä€😀", "!",     "#",    "~"};
  CHECK(received(support::plain::role("arguments", odd)) == odd);
}

TEST_CASE("copies are independent", "[unit]") {
  Command first = support::plain::role("arguments", {"one"});
  Command second = first;
  second.arg("two").env("TREEHOLD_TEST_COPY", "1").current_dir("/no/such/directory");
  CHECK(received(first) == Words{"one"});
  CHECK_THROWS_AS(second.output(), treehold::SpawnFailed);
  Command third("true");
  third = first;
  first.arg("later");
  CHECK(received(third) == Words{"one"});
  CHECK(received(first) == Words{"one", "later"});
  Command& same = third;
  third = same;
  CHECK(received(third) == Words{"one"});
  const Command moved = std::move(third);
  CHECK(received(moved) == Words{"one"});
}

TEST_CASE("a command can be used again", "[unit]") {
  const Command command = support::plain::role("echo").stdin_bytes("again");
  for (int count = 0; count < 3; ++count) {
    CHECK(command.run() == "again");
  }
}

TEST_CASE("bytes for standard input may be shared, and are let go of", "[unit]") {
  const auto bytes = std::make_shared<const std::string>("shared");
  {
    const Command command = support::plain::role("echo").stdin_bytes(bytes);
    CHECK(command.run() == "shared");
    CHECK(Command(command).run() == "shared");
  }
  CHECK(bytes.use_count() == 1);
}

TEST_CASE("the display form round-trips through a shell", "[unit]") {
  const Words odd{"",      " ",     "a b",       "'",       "it's", "\"q\"",     "\\",
                  "\\\\n", "$HOME", "$(exit 1)", "`id`",    "*",    "a;b",       "a&b",
                  "a|b",   "<>",    "(x)",       "line\nx", "\t",   "\x01b",     "~",
                  "#c",    "!x",    "{a,b}",     "a=b",     "ä€",   "''",        "plain",
                  "-n",    "--",    "[x]",       "?",       "%s",   "trailing\n"};
  const Command command = support::plain::role("arguments", odd);
  const std::string shown = command.display_command_line();
  INFO(shown);
  CHECK(received(Command("sh", {"-c", shown})) == odd);
}

TEST_CASE("the display form shows harmless words as they are", "[unit]") {
  CHECK(Command("git", {"rev-parse", "--verify", "HEAD"}).display_command_line() ==
        "git rev-parse --verify HEAD");
}

TEST_CASE("the debug form shows counts and names, never a value", "[unit]") {
  Command command("some-program", {"secret-argument", "another-secret"});
  command.env("PUBLIC_NAME", "secret-value").stdin_bytes("secret-input").arg0("secret-zero");
  const std::string shown = command.debug_string();
  INFO(shown);
  CHECK(shown.find("some-program") != std::string::npos);
  CHECK(shown.find('2') != std::string::npos);
  CHECK(shown.find("PUBLIC_NAME") != std::string::npos);
  CHECK(shown.find("secret") == std::string::npos);
}
