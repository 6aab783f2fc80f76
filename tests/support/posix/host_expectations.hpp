// What holds in every host, however unusual.
#pragma once

#include <sys/wait.h>

#include <cerrno>

#include <treehold/treehold.hpp>

#include "host.hpp"
#include "support.hpp"

namespace support {

inline bool no_child_left() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | any_child) != 0 && errno == ECHILD;
}

/// The verbs, once each, and what they must tell.
inline void expect_verbs(Host& host) {
  const treehold::Output out = plain::role("emit", {"to out", "to err", "3"}).output();
  EXPECT(out.stdout_bytes == "to out");
  EXPECT(out.stderr_bytes == "to err");
  EXPECT(out.outcome == treehold::Outcome::exited(3));
  EXPECT(plain::role("echo").stdin_bytes("through\n").run() == "through");
  EXPECT(plain::role("exit", {"5"}).exit_code() == 5);
  EXPECT(plain::role("exit", {"0"}).probe());
  const treehold::Output late = plain::role("sleep").timeout(300ms).output();
  EXPECT(late.outcome == treehold::Outcome::timed_out());
  treehold::ProcessGroup group;
  treehold::Process child = group.start(plain::role("stubborn"));
  EXPECT(child.read_line(treehold::Stream::out) == "ready");
  EXPECT(!group.members().empty());
  const treehold::StopReport stopped = group.stop(50ms);
  EXPECT(stopped.members_after.empty());
  EXPECT(stopped.escalated);
}

inline void expect_clean_child(Host& host) {
  const auto report = parse_report(plain::role("report").output().stdout_bytes);
  EXPECT(report.at("fds") == "0 1 2");
  EXPECT(report.at("blocked") == "0000000000000000");
  EXPECT(report.at("ignored") == "0000000000000000");
  EXPECT(report.at("pending") == "0000000000000000");
}

}  // namespace support
