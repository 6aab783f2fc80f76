// The test program. With `--role=NAME` as its first argument it is a child of a test instead.
#define CATCH_CONFIG_RUNNER
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "platform/terminal.hpp"
#include "roles.hpp"
#include "support.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> words = treehold::platform::begin_program(argc, argv);
  constexpr std::string_view prefix = "--role=";
  if (words.size() > 1 && std::string_view(words[1]).starts_with(prefix)) {
    return support::play_role(words[1].substr(prefix.size()), {words.begin() + 2, words.end()});
  }
  return Catch::Session().run(argc, argv);
}
