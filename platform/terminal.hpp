// What the `treehold` program asks of its surroundings: its arguments, the signals that interrupt
// it, and its terminal. For a program that owns its process; the library itself touches neither.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// What `main` was called with, as UTF-8, and standard streams that change no byte from now on.
[[nodiscard]] std::vector<std::string> begin_program(int count, char** words);

/// Keeps the signals that interrupt a program (SIGINT, SIGTERM, SIGHUP) away from this thread and
/// those it starts, from construction on, so that none ends the program before its tree has ended.
/// Those that whoever started the program has it ignore (nohup) stay ignored. Meanwhile a reader
/// that has gone away is an error of the write and no signal.
class HeldInterrupts {
 public:
  HeldInterrupts();
  ~HeldInterrupts();
  HeldInterrupts(const HeldInterrupts&) = delete;
  HeldInterrupts& operator=(const HeldInterrupts&) = delete;

 private:
  struct Mask;
  std::unique_ptr<Mask> old_;
};

/// Takes held interrupts on a thread of its own while it lives: calls `soft` at the first one with
/// its number, and `hard` when `grace` has passed since, or at the second one.
class InterruptThread {
 public:
  InterruptThread(std::chrono::nanoseconds grace, std::function<void(int)> soft,
                  std::function<void()> hard);
  ~InterruptThread();
  InterruptThread(const InterruptThread&) = delete;
  InterruptThread& operator=(const InterruptThread&) = delete;

  /// Returns when each interrupt that came before this call has been taken and its call has
  /// returned.
  void settle();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Gives the terminal at standard input, if there is one, to the process group of `leader` while it
/// lives: a process group in the background would be stopped when it reads.
class Foreground {
 public:
  explicit Foreground(ProcessId leader);
  ~Foreground();  // NOLINT(performance-trivially-destructible): has work to do on POSIX systems
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;

  /// Whether there was a terminal to give.
  [[nodiscard]] bool given() const noexcept { return old_.has_value(); }

 private:
  std::optional<int> old_;
};

}  // namespace treehold::inline v0::platform
