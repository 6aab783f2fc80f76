// One who is compared: a program that does what it is told, by means of one library, and says how
// long it took. Each is a program of its own, since the libraries would share a process badly, and
// since some are of other languages.
//
// It reads a task a line from standard input, "TASK SIZE", and answers with a line: how many
// nanoseconds it took, "absent" for a task that its library does not do, or "failed" and why.
//
//     ballast MIB    holds so much more memory from now on, touched
//     start _        runs /bin/true and waits for its end
//     capture BYTES  takes so many bytes of a child's standard output
//     lines COUNT    takes so many lines of a child's standard output, of 99 bytes, one by one
//     feed BYTES     sends so many bytes through `cat`, and takes them back
//     many COUNT     runs /bin/true so many times at once
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace peers {

/// Of the child whose output is captured; it is `head -c BYTES /dev/zero` for all.
inline constexpr const char* head = "/usr/bin/head";
inline constexpr const char* nothing = "/bin/true";
inline constexpr const char* cat = "/bin/cat";

/// Of the child whose lines are taken: `sh -c SCRIPT sh COUNT` for all.
inline constexpr const char* shell = "/bin/sh";
inline constexpr const char* line_script =
    "yes "
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuv"
    "wxyz! 2>/dev/null "
    "| head -n \"$1\"";
inline constexpr std::size_t line_size = 99;

inline void require(bool condition, const char* what) {
  if (!condition) {
    throw std::runtime_error(what);
  }
}

/// What a library does. Each throws when the outcome is not the one that it must be.
class Contestant {
 public:
  Contestant() = default;
  Contestant(const Contestant&) = delete;
  Contestant& operator=(const Contestant&) = delete;
  virtual ~Contestant() = default;

  virtual void start() = 0;
  virtual void capture(std::size_t bytes) = 0;
  virtual void lines(std::size_t count) = 0;
  virtual void feed(const std::string& bytes) = 0;
  virtual void many(std::size_t count) = 0;
};

/// Serves tasks until standard input ends: the whole of `main`.
inline int serve(Contestant& contestant) {
  std::vector<std::vector<char>> ballast;
  std::string fodder;
  std::string task;
  std::size_t size = 0;
  while (std::cin >> task >> size) {
    if (task == "feed") {
      fodder.resize(size, 'x');
    }
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    try {
      if (task == "ballast") {
        ballast.emplace_back(size << 20U, 'x');
      } else if (task == "start") {
        contestant.start();
      } else if (task == "capture") {
        contestant.capture(size);
      } else if (task == "lines") {
        contestant.lines(size);
      } else if (task == "feed") {
        contestant.feed(fodder);
      } else if (task == "many") {
        contestant.many(size);
      } else {
        std::cout << "absent" << std::endl;
        continue;
      }
      std::cout << std::chrono::nanoseconds(Clock::now() - begin).count() << std::endl;
    } catch (const std::exception& error) {
      std::cout << "failed " << error.what() << std::endl;
    }
  }
  return 0;
}

}  // namespace peers
