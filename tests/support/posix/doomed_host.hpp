// A host that is to end without a word, as its test sees it: doomed_hosts.cpp has what it does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support.hpp"

namespace support {

/// Ends the test case here where what a host leaves behind is nowhere to be found.
void require_umbrella();

/// Ends the test case here where a start has a keeper of its own instead of a guardian.
void require_guardian();

/// A host, and what is to end with it.
class DoomedHost {
 public:
  /// Waits until the host has told all of it. Skips the test where the host cannot play that.
  explicit DoomedHost(const std::string& scenario, const std::vector<std::string>& arguments = {});

  /// Lets a host go on that has waited to be seen.
  void let_go() { host_.close_stdin(); }
  void kill() const;
  void wait() { (void)host_.wait(); }
  /// A process that is not to end with it.
  [[nodiscard]] PidWatch* apart() const noexcept { return apart_.get(); }

  [[nodiscard]] const std::vector<pid_t>& pids() const noexcept { return pids_; }

  /// The directories of its groups in the unified hierarchy: limits may want another place.
  [[nodiscard]] std::vector<std::string> umbrellas() const;

  /// Whether everything has ended, the directories included.
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool any_dead() const;

 private:
  Child host_;
  std::vector<pid_t> pids_;
  std::vector<std::unique_ptr<PidWatch>> watches_;
  std::unique_ptr<PidWatch> apart_;
  std::vector<std::string> groups_;
};

}  // namespace support
