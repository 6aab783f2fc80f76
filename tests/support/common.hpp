// What the tests share on every system: child roles played by the test binary itself, time-outs
// that a busy machine does not make into findings, and skipping with a reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <treehold/treehold.hpp>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TREEHOLD_TEST_SANITIZED 1
#elif __has_feature(thread_sanitizer)
#define TREEHOLD_TEST_SANITIZED 1
#define TREEHOLD_TEST_SANITIZED_THREADS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TREEHOLD_TEST_SANITIZED 1
#elif defined(__SANITIZE_THREAD__)
#define TREEHOLD_TEST_SANITIZED 1
#define TREEHOLD_TEST_SANITIZED_THREADS 1
#endif

namespace support {

using namespace std::chrono_literals;

#if defined(TREEHOLD_TEST_SANITIZED)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// Only ever catches a hang; nothing is judged by it.
inline constexpr std::chrono::seconds hang_bound = sanitized ? 120s : 60s;

/// More bytes than a pipe holds, one that the library has widened, too.
inline constexpr std::size_t more_than_a_pipe = std::size_t{4} << 20U;

/// A size or a time, another where a sanitizer needs more.
template <class Number>
[[nodiscard]] constexpr Number scaled(Number plain, Number under_sanitizers) noexcept {
  return sanitized ? under_sanitizers : plain;
}

/// Whether each step is dear: under a sanitizer, and where TREEHOLD_TEST_FEW says so, as on an
/// emulated machine.
[[nodiscard]] bool steps_are_dear() noexcept;

/// How often to do something, or how many to have.
template <class Number>
[[nodiscard]] Number repeats(Number plain, Number where_dear) noexcept {
  return steps_are_dear() ? where_dear : plain;
}

// -- Time-outs ----------------------------------------------------------------------------------

/// Within it a role has mostly said that it is ready; nobody can promise that.
inline constexpr std::chrono::milliseconds short_while = scaled(200ms, 1000ms);

/// Runs `attempt` with a time-out, and again with longer ones as long as `reached` says that the
/// time-out came before what it was to interrupt. A busy machine is no finding.
template <class Attempt, class Reached>
[[nodiscard]] auto with_time_enough(Attempt attempt, Reached reached) {
  for (std::chrono::milliseconds time = short_while;; time *= 4) {
    auto result = attempt(time);
    if (reached(result) || time > hang_bound / 4) {
      return result;
    }
  }
}

/// The same for a run that is to be interrupted when it has written `said`.
template <class Attempt>
[[nodiscard]] treehold::Output timed_out_after(std::string_view said, Attempt attempt) {
  return with_time_enough(attempt, [said](const treehold::Output& output) {
    return output.stdout_bytes.find(said) != std::string::npos;
  });
}

// -- Skipping -----------------------------------------------------------------------------------

/// Ends the test case here and counts it as skipped, with its reason.
[[noreturn]] void skip(const std::string& reason);

struct Skipped {
  std::string test;
  std::string reason;
};
[[nodiscard]] std::vector<Skipped>& skipped_tests();

// -- This host ----------------------------------------------------------------------------------

/// Of a fresh group under the environment of this run.
[[nodiscard]] treehold::Guarantees guarantees();
[[nodiscard]] treehold::Mechanism mechanism();

/// Skips unless a group of this mechanism can hold the limit (by its name in `Limits`).
void require_limit(const std::string& limit);

/// Skips where the system does not tell what a process that has ended had used.
void require_resource_use();

// -- Roles --------------------------------------------------------------------------------------

/// The path of the test binary.
[[nodiscard]] const std::string& self();

/// Commands as the library has them; the contract takes those of the same names in forms.hpp.
namespace plain {

/// The test binary as the child program `name` (see roles.cpp).
[[nodiscard]] treehold::Command role(const std::string& name,
                                     const std::vector<std::string>& arguments = {});

/// A program of the system that returns 0 at once, and one that waits for very long; both start
/// faster than a role.
[[nodiscard]] treehold::Command quick();
[[nodiscard]] treehold::Command idle();

}  // namespace plain

/// `text` as the lines "name=value" that the role "report" prints.
[[nodiscard]] std::map<std::string, std::string> parse_report(std::string_view text);

/// The number after the first "`word` " in `text`.
[[nodiscard]] long long number_after(std::string_view text, std::string_view word);

// -- Waiting, files, bytes ------------------------------------------------------------------------

/// For states that no event tells: asks again and again. False when the bound has passed.
bool wait_until(const std::function<bool()>& reached, std::chrono::milliseconds bound = hang_bound);

[[nodiscard]] std::string read_file(const std::string& path);
/// Changes our working directory until destroyed.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(const std::string& path);
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  ~WorkingDirectory();

 private:
  std::string before_;
};

/// Eight-byte counters in a file that several processes map.
class SharedCounters {
 public:
  explicit SharedCounters(const std::string& path);
  SharedCounters(const SharedCounters&) = delete;
  SharedCounters& operator=(const SharedCounters&) = delete;
  ~SharedCounters();

  /// How much a worker has done, and how much it had done when it got its soft signal.
  [[nodiscard]] std::uint64_t work() const noexcept { return counters_[0]; }
  [[nodiscard]] std::uint64_t work_at_signal() const noexcept { return counters_[1]; }
  [[nodiscard]] bool signalled() const noexcept { return counters_[2] != 0; }
  volatile std::uint64_t* counters() noexcept { return counters_; }

 private:
  volatile std::uint64_t* counters_ = nullptr;
};

/// Sets a variable of our environment until destroyed.
class Variable {
 public:
  Variable(std::string name, const std::string& value);
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable();

 private:
  std::string name_;
};

/// Bytes that repeat with no short period, with every value among them.
[[nodiscard]] std::string pattern(std::size_t size);

}  // namespace support
