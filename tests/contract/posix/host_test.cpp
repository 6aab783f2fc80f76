// Hosts with something unusual about them: each is a process of its own (see host_roles.cpp).
#include <fcntl.h>

#include <list>
#include <optional>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::role;
using treehold::Outcome;

TEST_CASE("a host with closed standard descriptors", "[contract]") {
  for (const char* closed : {"0", "1", "2", "01", "02", "12", "012"}) {
    INFO("closed: " << closed);
    expect_host("closed-descriptors", {closed});
  }
}

TEST_CASE("a host that ignores SIGCHLD", "[contract]") {
  expect_host("child-signal", {"ignore"});
  expect_host("child-signal", {"no-wait"});
}

TEST_CASE("a host that ignores SIGPIPE", "[contract]") {
  expect_host("pipe-signal-ignored");
}

TEST_CASE("a host that ignores every signal", "[contract]") {
  expect_host("signals-ignored");
}

TEST_CASE("a host that blocks every signal", "[contract]") {
  expect_host("signals-blocked");
}

TEST_CASE("a host that may open 100000 descriptors", "[contract]") {
  expect_host("many-descriptors", {"100000"});
}

TEST_CASE("a host that has thousands of inheritable descriptors open", "[contract]") {
  expect_host("many-descriptors", {"4000"});
}

TEST_CASE("a host that forks while a group lives", "[contract]") {
  expect_host("forks");
}

TEST_CASE("a host with a thread that takes every exit status", "[contract]") {
  expect_host("status-thief");
}

TEST_CASE("a run that finds too few descriptors fails at any point and leaves nothing",
          "[contract]") {
  if (sanitized) {
    skip("the sanitizers need descriptors for their own checks");
  }
  (void)role("exit", {"3"}).output();  // makes what is made once
  int refused = 0;
  int served = 0;
  rlim_t limit = 0;
  for (int available = 0; available < 30; ++available) {
    while (::fcntl(static_cast<int>(limit), F_GETFD) != -1) {
      ++limit;
    }
    INFO(available << " descriptors");
    std::optional<Outcome> outcome;
    boost::system::error_code failure;
    bool typed = false;
    try {
      const DescriptorLimit few(limit++);
      outcome = role("exit", {"3"}).output().outcome;
    } catch (const boost::system::system_error& error) {
      failure = error.code();
      typed = dynamic_cast<const treehold::SpawnFailed*>(&error) != nullptr;
    }
    if (outcome) {
      ++served;
      CHECK(*outcome == Outcome::exited(3));
    } else {
      ++refused;
      CHECK(failure == boost::system::errc::too_many_files_open);
      CHECK((typed || forms::asynchronous()));  // whose context is the host's to make
    }
    CHECK(marked_processes().empty());
  }
  CHECK(refused > 0);
  CHECK(served > 0);
}

TEST_CASE("trees end with their objects although the host has no descriptor left", "[contract]") {
  if (sanitized) {
    skip("the sanitizers need descriptors for their own checks");
  }
  std::optional<forms::Process> alone = role("with-child").start();
  std::optional<forms::ProcessGroup> group{std::in_place};
  std::optional<forms::Process> member = group->start(role("with-child"));
  std::list<PidWatch> watches;
  for (auto* process : {&*alone, &*member}) {
    const auto line = process->read_line(treehold::Stream::out);
    REQUIRE(line.has_value());
    watches.emplace_back(pid_after(*line, "child"));
    watches.emplace_back(static_cast<pid_t>(process->pid()));
  }
  {
    const NoDescriptors none;
    alone.reset();
    group.reset();
  }
  for (const PidWatch& watch : watches) {
    // Who was started asynchronously is killed and not waited for.
    CHECK((forms::asynchronous() ? watch.wait_dead() : watch.dead()));
  }
  expect_orphans();  // who are whose is not to be read without a descriptor
}
