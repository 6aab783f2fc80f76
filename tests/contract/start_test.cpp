// Starts: many, many at once, and starts that race their own end.
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::idle;
using forms::Process;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::GroupClosed;
using treehold::Outcome;
using treehold::Output;
using treehold::ProgramNotFound;
using treehold::Stream;

namespace {

/// Collects what goes wrong in threads, where Catch cannot be asked.
class Complaints {
 public:
  void add(const std::string& text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(text);
  }
  void expect_none() const {
    for (const std::string& text : texts_) {
      FAIL_CHECK(text);
    }
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> texts_;
};

/// Lets two threads go at the same moment.
class Gate {
 public:
  explicit Gate(int parties) : left_(parties) {}
  void pass() {
    left_.fetch_sub(1);
    while (left_.load() > 0) {
      std::this_thread::yield();
    }
  }

 private:
  std::atomic<int> left_;
};

}  // namespace

TEST_CASE("a missing program is told as such", "[contract]") {
  CHECK_THROWS_AS(Command("/no/such/program").output(), ProgramNotFound);
  CHECK_THROWS_AS(Command("treehold-no-such-program").run(), ProgramNotFound);
  CHECK_THROWS_AS(Command("/no/such/program").start(), ProgramNotFound);
  ProcessGroup group;
  CHECK_THROWS_AS(group.start(Command("/no/such/program")), ProgramNotFound);
}

TEST_CASE("16 threads start at once", "[contract]") {
  constexpr int threads = 16;
  const int rounds = repeats(10, 2);
  Complaints complaints;
  ProcessGroup shared;
  Gate gate(threads);
  std::vector<std::thread> running;
  for (int index = 0; index < threads; ++index) {
    running.emplace_back([&, index] {
      gate.pass();
      try {
        for (int round = 0; round < rounds; ++round) {
          const std::string text = std::to_string(index) + "/" + std::to_string(round);
          const Output own = role("echo").stdin_bytes(text).output();
          if (own.stdout_bytes != text || own.outcome != Outcome::exited(0)) {
            complaints.add("own run: " + own.outcome.describe() + " " + own.stdout_bytes);
          }
          const Output grouped = shared.output(role("emit", {text, "", std::to_string(index)}));
          if (grouped.stdout_bytes != text || grouped.outcome != Outcome::exited(index)) {
            complaints.add("shared run: " + grouped.outcome.describe() + grouped.stdout_bytes);
          }
          ProcessGroup mine;
          Process child = mine.start(idle());
          if (mine.members() != std::vector<treehold::ProcessId>{child.pid()}) {
            complaints.add("a group lists others than its own");
          }
        }
      } catch (const std::exception& error) {
        complaints.add(error.what());
      }
    });
  }
  for (std::thread& thread : running) {
    thread.join();
  }
  complaints.expect_none();
  CHECK(shared.members().empty());
}

TEST_CASE("10000 starts leave no descriptor, no zombie and no directory", "[adversarial]") {
  const int starts = sanitized ? 500 : repeats(10000, 200);
  ProcessGroup group;
  (void)group.exit_code(quick());
  const auto descriptors = plain_descriptors();
  const std::size_t cgroups = kept_descriptors().size();
  for (int count = 0; count < starts; ++count) {
    if (group.exit_code(quick()) != 0) {
      FAIL("start " << count);
    }
  }
  CHECK(plain_descriptors() == descriptors);
  CHECK(kept_descriptors().size() <= cgroups + 16);
  CHECK(marked_processes().empty());
  CHECK(group.stop(hang_bound).members_before.empty());
}

TEST_CASE("1000 starts grow nothing", "[contract]") {
  const int starts = repeats(1000, 100);
  ProcessGroup group;
  for (int count = 0; count < 50; ++count) {
    (void)quick().output();
    (void)group.output(quick());
  }
  const auto before = plain_descriptors();
  const std::size_t cgroups = kept_descriptors().size();
  const std::size_t memory = own_memory("VmRSS");
  for (int count = 0; count < starts; ++count) {
    const Outcome outcome =
        count % 2 == 0 ? quick().output().outcome : group.output(quick()).outcome;
    if (!outcome.success()) {
      FAIL_CHECK("start " << count << ": " << outcome.describe());
    }
  }
  CHECK(plain_descriptors() == before);
  CHECK(kept_descriptors().size() <= cgroups + 16);
  if (!sanitized) {
    CHECK(own_memory("VmRSS") < memory + (std::size_t{2} << 20U));
  }
}

TEST_CASE("groups made and destroyed 200 times grow nothing", "[contract]") {
  for (int count = 0; count < 10; ++count) {
    ProcessGroup group;
    (void)group.start(idle());
  }
  const auto before = plain_descriptors();
  const std::size_t cgroups = kept_descriptors().size();
  for (int count = 0; count < repeats(200, 20); ++count) {
    ProcessGroup group;
    Process child = group.start(idle());
    if (count % 2 == 0) {
      (void)group.stop(0s);
    }
  }
  CHECK(plain_descriptors() == before);
  CHECK(kept_descriptors().size() <= cgroups);
}

TEST_CASE("a start racing a kill 1000 times leaves nothing", "[contract]") {
  ProcessGroup group;
  Complaints complaints;
  for (int round = 0; round < repeats(1000, 50); ++round) {
    Gate gate(2);
    std::optional<Process> child;
    std::thread starter([&] {
      gate.pass();
      try {
        child = group.start(idle());
      } catch (const std::exception& error) {
        complaints.add(std::string("start: ") + error.what());
      }
    });
    gate.pass();
    try {
      (void)group.kill();
    } catch (const std::exception& error) {
      complaints.add(std::string("kill: ") + error.what());
    }
    starter.join();
    // Whatever came after that kill does not come after this one.
    const treehold::StopReport last = group.kill();
    if (!last.members_after.empty() || !group.members().empty()) {
      complaints.add("round " + std::to_string(round) + ": members are left");
    }
    if (child && child->wait() != Outcome::signalled(9, false)) {
      complaints.add("round " + std::to_string(round) + ": " + child->outcome()->describe());
    }
  }
  complaints.expect_none();
  CHECK(group.exit_code(role("exit", {"3"})) == 3);
}

TEST_CASE("a start racing a stop leaves nothing", "[contract]") {
  Complaints complaints;
  for (int round = 0; round < repeats(300, 30); ++round) {
    ProcessGroup group;
    Gate gate(2);
    std::thread starter([&] {
      gate.pass();
      try {
        for (;;) {
          (void)group.start(idle());
        }
      } catch (const GroupClosed&) {
      } catch (const std::exception& error) {
        complaints.add(std::string("start: ") + error.what());
      }
    });
    gate.pass();
    try {
      if (!group.stop(0s).members_after.empty()) {
        complaints.add("stop left members");
      }
    } catch (const std::exception& error) {
      complaints.add(std::string("stop: ") + error.what());
    }
    starter.join();
    if (!group.members().empty()) {
      complaints.add("members are left");
    }
  }
  complaints.expect_none();
  CHECK(marked_processes().empty());
}

TEST_CASE("a start racing destruction 1000 times leaves nothing", "[contract]") {
  Complaints complaints;
  for (int round = 0; round < repeats(1000, 50); ++round) {
    // The process object goes while its program may not even have begun, and its group with it.
    auto group = std::make_unique<ProcessGroup>();
    Gate gate(2);
    std::thread starter([&] {
      gate.pass();
      try {
        Process child = group->start(idle());
        if (round % 3 == 0) {
          child.kill();
        }
      } catch (const GroupClosed&) {
      } catch (const std::exception& error) {
        complaints.add(std::string("start: ") + error.what());
      }
    });
    gate.pass();
    if (round % 2 == 0) {
      (void)group->kill();
    }
    starter.join();
    group.reset();
  }
  complaints.expect_none();
  CHECK(marked_processes().empty());
}

TEST_CASE("a process outlives the object of its group as a dead one", "[contract]") {
  std::optional<Process> child;
  {
    ProcessGroup group;
    child = group.start(role("sleep"));
    REQUIRE(child->read_line(Stream::out) == "ready");
  }
  CHECK_FALSE(alive(child->pid()));
  CHECK(child->wait() == Outcome::signalled(9, false));
}

TEST_CASE("a thread may end before the child that it has started", "[contract]") {
  std::optional<Process> child;
  std::thread starter([&] { child = role("echo").stdin_pipe().start(); });
  starter.join();
  child->input().write("still here\n");
  CHECK(child->read_line(Stream::out) == "still here");
  child->input().close();
  CHECK(child->wait() == Outcome::exited(0));
}
