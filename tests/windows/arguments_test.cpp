// Arguments go through one string and come out as they were.
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "platform/windows/command_line.hpp"
#include "support.hpp"

namespace {

using support::plain::role;
using treehold::Command;
using Words = std::vector<std::string>;

Words received(const Words& sent) {
  const std::string bytes = role("arguments", sent).output().stdout_bytes;
  Words words;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find('\0', at);
    words.push_back(bytes.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

/// Made of what quoting is about.
Words random_words(std::mt19937& random) {
  const Words pieces{"\"",
                     "\\",
                     "\\\\",
                     " ",
                     "\t",
                     "\n",
                     "\r",
                     "\v",
                     "a",
                     "bc",
                     "'",
                     "%",
                     "^",
                     "&",
                     "|",
                     "<",
                     ">",
                     "*",
                     "?",
                     "\xC3\xA4",
                     "\xE2\x82\xAC",
                     "\xF0\x9F\x8C\xB3",
                     "=",
                     ";",
                     ",",
                     "(",
                     ")",
                     "!",
                     "`",
                     "$",
                     "~"};
  Words words(random() % 5);
  for (std::string& word : words) {
    for (std::size_t left = random() % 8; left > 0; --left) {
      word += pieces[random() % pieces.size()];
    }
  }
  return words;
}

}  // namespace

TEST_CASE("odd arguments arrive byte for byte", "[windows]") {
  const Words odd{
      "",         " ",       "\"",        "\\",         "\\\"",      "a\\\\b",
      "a\\\\\"b", "c:\\d\\", "c:\\d e\\", "\"quoted\"", "new\nline", "\xE2\x82\xAC\xF0\x9F\x8C\xB3",
      "--",       "/c",      "%PATH%",    "a^b&c|d",    "-x=\"y z\""};
  CHECK(received(odd) == odd);
}

TEST_CASE("arguments of all kinds arrive byte for byte", "[windows]") {
  std::mt19937 random(20261122);  // NOLINT: the same ones each time
  for (int round = 0; round < 100; ++round) {
    const Words words = random_words(random);
    INFO("round " << round);
    CHECK(received(words) == words);
  }
}

TEST_CASE("what is not UTF-8 is refused before anything starts", "[windows]") {
  CHECK_THROWS_AS(role("arguments", {"\xFF"}).output(), treehold::InvalidSetting);
  CHECK_THROWS_AS(role("exit", {"0"}).env("A", "\xC3").output(), treehold::InvalidSetting);
}

TEST_CASE("cmd.exe is given nothing that it could take for something else", "[windows]") {
  using treehold::platform::cmd_could_reinterpret;
  for (const char* safe : {"", "plain", "a b", "c:\\dir\\file.txt", "--x", "\xC3\xA4", "a_b-c+d"}) {
    CHECK_FALSE(cmd_could_reinterpret(safe));
  }
  for (const char* unsafe : {"\"", "a&b", "%PATH%", "a|b", "a^", "<", ">", "a\nb", "a\rb", "a b\\",
                             "!x!", "a=b", "a;b", "a,b", "(", "`"}) {
    CHECK(cmd_could_reinterpret(unsafe));
  }
}

TEST_CASE("a batch file runs, and dangerous arguments of one are refused", "[windows]") {
  const support::TempDir here;
  support::write_file(here / "script.cmd", "@echo off\r\necho [%~1][%~2]\r\nexit /b 3\r\n");
  const treehold::Output out = Command(here / "script.cmd", {"one", "two words"}).output();
  CHECK(out.stdout_bytes == "[one][two words]\r\n");
  CHECK(out.outcome == treehold::Outcome::exited(3));
  CHECK_THROWS_AS(Command(here / "script.cmd", {"&calc"}).output(), treehold::InvalidSetting);
  CHECK_THROWS_AS(Command(here / "script", {"%PATH%"}).output(), treehold::InvalidSetting);
}
