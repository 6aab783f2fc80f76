// One who is compared: a program that does what it is told, by means of one library, and says how
// long it took. Each is a program of its own, since the libraries would share a process badly, and
// since some are of other languages.
//
// It reads a task a line from standard input, "TASK SIZE", and answers with a line: how many
// nanoseconds it took, "absent" for a task that its library does not do, or "failed" and why.
//
//     ballast MIB        holds so much more memory from now on, touched
//     descriptors COUNT  holds so many open descriptors more from now on
//     start _            runs /bin/true and waits for its end
//     blocked _          the same, but answers how long the calling thread was in the call that
//                        starts, which is how long an event loop would be held up
//     capture BYTES      takes so many bytes of a child's standard output
//     lines COUNT        takes so many lines of a child's standard output, of 99 bytes, one by one
//     feed BYTES         sends so many bytes through `cat`, and takes them back
//     many COUNT         runs /bin/true so many times at once
//     hold COUNT         starts so many children that stay, each watched for its end in the way of
//                        the library; answers how long it took until all were started
//     release _          kills all that are held, and waits until the end of each was noticed
//
// While children are held nothing else is asked: the event loops would wait for their ends, too.
#pragma once

#include <fcntl.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace peers {

/// Of the child whose output is captured; it is `head -c BYTES /dev/zero` for all.
inline constexpr const char* head = "/usr/bin/head";
inline constexpr const char* nothing = "/bin/true";
inline constexpr const char* cat = "/bin/cat";
/// Of the children that are held; the time is the longest that one left behind would stay.
inline constexpr const char* sleep = "/bin/sleep";
inline constexpr const char* sleep_seconds = "1000";

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

/// Runs from its making until it is stopped, or until it is read.
class Stopwatch {
 public:
  void stop() { end_ = Clock::now(); }

  [[nodiscard]] std::chrono::nanoseconds time() const {
    return end_.value_or(Clock::now()) - begin_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point begin_ = Clock::now();
  std::optional<Clock::time_point> end_;
};

/// What a library does. Each throws when the outcome is not the one that it must be.
class Contestant {
 public:
  Contestant() = default;
  Contestant(const Contestant&) = delete;
  Contestant& operator=(const Contestant&) = delete;
  virtual ~Contestant() = default;

  /// Stops the watch when the call that starts has returned, before it waits.
  virtual void start(Stopwatch& call) = 0;
  /// The same, for a library whose call that starts is not part of its `start`.
  virtual void blocked(Stopwatch& call) { start(call); }
  virtual void capture(std::size_t bytes) = 0;
  virtual void lines(std::size_t count) = 0;
  virtual void feed(const std::string& bytes) = 0;
  virtual void many(std::size_t count) = 0;
  virtual void hold(std::size_t count) = 0;
  virtual void release() = 0;
};

/// From the lowest free number upwards; they stay open until the program ends.
inline void open_descriptors(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    require(::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0, "open");
  }
}

/// Serves tasks until standard input ends: the whole of `main`.
inline int serve(Contestant& contestant) {
  std::vector<std::vector<char>> ballast;
  std::string task;
  std::size_t size = 0;
  while (std::cin >> task >> size) {
    // Gone again with the task: a big host forks for longer.
    const std::string fodder(task == "feed" ? size : 0, 'x');
    const Stopwatch whole;
    Stopwatch call;
    try {
      if (task == "ballast") {
        ballast.emplace_back(size << 20U, 'x');
      } else if (task == "descriptors") {
        open_descriptors(size);
      } else if (task == "start") {
        contestant.start(call);
      } else if (task == "blocked") {
        contestant.blocked(call);
      } else if (task == "capture") {
        contestant.capture(size);
      } else if (task == "lines") {
        contestant.lines(size);
      } else if (task == "feed") {
        contestant.feed(fodder);
      } else if (task == "many") {
        contestant.many(size);
      } else if (task == "hold") {
        contestant.hold(size);
      } else if (task == "release") {
        contestant.release();
      } else {
        std::cout << "absent" << std::endl;
        continue;
      }
      std::cout << (task == "blocked" ? call : whole).time().count() << std::endl;
    } catch (const std::exception& error) {
      std::cout << "failed " << error.what() << std::endl;
    }
  }
  return 0;
}

}  // namespace peers
