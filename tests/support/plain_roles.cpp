#include "plain_roles.hpp"

#include <chrono>
#include <fstream>
#include <thread>

#include "common.hpp"

namespace support {
namespace {

/// SIZE [out|err] [WORD]: that many bytes of the pattern, without a newline; then says WORD.
int print(const Words& words) {
  put(word(words, 1) == "err" ? 2 : 1, pattern(number(words, 0)));
  if (words.size() > 2) {
    say(words[2]);
  }
  return 0;
}

/// SIZE [both]: that many bytes 'x', without a newline; as many on standard error.
int flood(const Words& words) {
  const std::string block(std::size_t{256} * 1024, 'x');
  for (std::size_t left = number(words, 0); left > 0;) {
    const std::string_view part = std::string_view(block).substr(0, left);
    put(1, part);
    if (word(words, 1) == "both") {
      put(2, part);
    }
    left -= part.size();
  }
  return 0;
}

/// OUT ERR CODE.
int emit(const Words& words) {
  put(1, word(words, 0));
  put(2, word(words, 1));
  return static_cast<int>(number(words, 2));
}

/// N: numbered pieces, in turn on both streams.
int alternate(const Words& words) {
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    put(index % 2 == 0 ? 1 : 2, std::to_string(index) + "\n");
  }
  return 0;
}

/// N: "line 0" to "line N-1".
int lines(const Words& words) {
  std::string text;
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    text += "line " + std::to_string(index) + "\n";
  }
  put(1, text);
  return 0;
}

/// …: each argument with a NUL behind it.
int arguments(const Words& words) {
  std::string text;
  for (const std::string& argument : words) {
    text += argument;
    text += '\0';
  }
  put(1, text);
  return 0;
}

/// N MILLISECONDS: a line each.
int ticks(const Words& words) {
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    say("tick");
    std::this_thread::sleep_for(std::chrono::milliseconds(number(words, 1)));
  }
  return 0;
}

int echo(const Words& /*words*/) {
  std::vector<char> block(65536);
  while (const std::size_t count = take(block.data(), block.size())) {
    put(1, std::string_view(block.data(), count));
  }
  return 0;
}

/// [FILE]: how many bytes come, once FILE is there.
int count_input(const Words& words) {
  while (!words.empty() && !std::ifstream(words[0]).is_open()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::vector<char> block(65536);
  std::size_t total = 0;
  while (const std::size_t count = take(block.data(), block.size())) {
    total += count;
  }
  say(std::to_string(total));
  return 0;
}

void skip_line() {
  for (char byte = 0; byte != '\n' && take(&byte, 1) > 0;) {
  }
}

/// A line and a half, and another; goes on with each line that it reads.
int piecemeal(const Words& /*words*/) {
  put(1, "hel");
  put(2, "marked\n");
  skip_line();
  put(1, "lo\nrest");
  skip_line();
  put(1, " of it\n");
  return 0;
}

/// Its own number, and lines without end.
int chatter(const Words& /*words*/) {
  say("own " + std::to_string(own_number()));
  std::string lines;
  for (int i = 0; i < 1000; ++i) {
    lines += "y\n";
  }
  for (;;) {
    put(1, lines);
  }
}

int sleep_ready(const Words& /*words*/) {
  say("ready");
  rest();
}

/// MILLISECONDS: computes for that long.
int burn(const Words& words) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(number(words, 0));
  while (Clock::now() < end) {
  }
  return 0;
}

/// FILE: makes it.
int create(const Words& words) {
  return std::ofstream(word(words, 0)).is_open() ? 0 : 1;
}

}  // namespace

std::map<std::string, Role> plain_roles() {
  return {
      {"alternate", alternate},
      {"arguments", arguments},
      {"burn", burn},
      {"chatter", chatter},
      {"count-input", count_input},
      {"create", create},
      {"echo", echo},
      {"emit", emit},
      {"flood", flood},
      {"lines", lines},
      {"piecemeal", piecemeal},
      {"print", print},
      {"sleep", sleep_ready},
      {"ticks", ticks},
  };
}

}  // namespace support
