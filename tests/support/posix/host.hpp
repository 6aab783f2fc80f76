// What the host roles share: they are programs of their own, and tell on a descriptor kept from
// their start what is not as it should be.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace support {

/// Thrown by a scenario that cannot be played here.
struct SkipHost {
  std::string reason;
};

class Host {
 public:
  Host() : report_(::fcntl(1, F_DUPFD_CLOEXEC, 200)) {}

  void say(const std::string& line) const {
    const std::string text = line + "\n";
    if (::write(report_, text.data(), text.size()) < 0) {
      ::_exit(92);
    }
  }

  void expect(bool holds, const char* what, int line) {
    if (!holds) {
      say("line " + std::to_string(line) + ": not so: " + what);
      failed_ = true;
    }
  }

  /// That `act` throws an `Exception`.
  template <class Exception>
  void expect_throw(const std::function<void()>& act, const char* what, int line) {
    try {
      act();
      expect(false, what, line);
    } catch (const Exception&) {
    } catch (const std::exception& error) {
      say(std::string("instead: ") + error.what());
      expect(false, what, line);
    }
  }

  /// Once its test has been told all that is to end with it.
  [[noreturn]] void wait_to_be_killed() const {
    say("ready");
    for (;;) {
      ::pause();
    }
  }

  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  int report_;
  bool failed_ = false;
};

#define EXPECT(condition) host.expect(condition, #condition, __LINE__)
#define EXPECT_THROWS_AS(exception, ...)                                                         \
  host.expect_throw<exception>([&] { (void)(__VA_ARGS__); }, #__VA_ARGS__ " throws " #exception, \
                               __LINE__)

using Scenario = std::function<void(Host&, const std::vector<std::string>&)>;

/// Those that need this system.
[[nodiscard]] std::map<std::string, Scenario> system_scenarios();

}  // namespace support
