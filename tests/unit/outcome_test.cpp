// Outcomes and the names of signals.
#include <signal.h>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

using treehold::Outcome;

TEST_CASE("exit codes and signals are never merged", "[unit]") {
  const Outcome exited = Outcome::exited(9);
  const Outcome killed = Outcome::signalled(9, false);
  CHECK(exited != killed);
  CHECK(exited.code() == 9);
  CHECK_FALSE(exited.signal().has_value());
  CHECK(killed.signal() == 9);
  CHECK_FALSE(killed.code().has_value());
  CHECK(Outcome::exited(137) != killed);
}

TEST_CASE("only exit code 0 is success", "[unit]") {
  CHECK(Outcome::exited(0).success());
  CHECK_FALSE(Outcome::exited(1).success());
  CHECK_FALSE(Outcome::signalled(15, false).success());
  CHECK_FALSE(Outcome::timed_out().success());
  CHECK_FALSE(Outcome::idle_timed_out().success());
  CHECK_FALSE(Outcome::unknown().success());
}

TEST_CASE("outcomes are equal when all they carry is equal", "[unit]") {
  CHECK(Outcome() == Outcome::unknown());
  CHECK(Outcome::exited(3) == Outcome::exited(3));
  CHECK(Outcome::exited(3) != Outcome::exited(4));
  CHECK(Outcome::exited(0) != Outcome::unknown());
  CHECK(Outcome::signalled(11, true) != Outcome::signalled(11, false));
  CHECK(Outcome::timed_out() != Outcome::idle_timed_out());
  CHECK(Outcome::timed_out() == Outcome::timed_out());
}

TEST_CASE("outcomes carry nothing that is not theirs", "[unit]") {
  for (const Outcome& outcome :
       {Outcome::timed_out(), Outcome::idle_timed_out(), Outcome::unknown()}) {
    CHECK_FALSE(outcome.code().has_value());
    CHECK_FALSE(outcome.signal().has_value());
    CHECK_FALSE(outcome.core_dumped());
  }
  CHECK(Outcome::signalled(11, true).core_dumped());
}

TEST_CASE("outcomes describe themselves", "[unit]") {
  CHECK(Outcome::exited(3).describe() == "exit code 3");
  CHECK(Outcome::signalled(SIGSEGV, true).describe() == "SIGSEGV (core dumped)");
  CHECK(Outcome::signalled(SIGKILL, false).describe() == "SIGKILL");
  const Outcome killed = Outcome::signalled(SIGKILL, false);
  CHECK(killed.memory_kill() == treehold::MemoryKill::none);
  CHECK(killed.with_memory_kill(treehold::MemoryKill::outside) != killed);
  CHECK(killed.with_memory_kill(treehold::MemoryKill::own_limit).describe() ==
        "SIGKILL (out of memory: the limit of the group)");
  CHECK(killed.with_memory_kill(treehold::MemoryKill::outside).describe() ==
        "SIGKILL (out of memory outside of the group)");
  CHECK(Outcome::timed_out().describe() == "timed out");
  CHECK_FALSE(Outcome::idle_timed_out().describe().empty());
  CHECK(Outcome::idle_timed_out().describe() != Outcome::timed_out().describe());
  CHECK_FALSE(Outcome::unknown().describe().empty());
}

TEST_CASE("signals have their field's names", "[unit]") {
  using treehold::signal_name;
  CHECK(signal_name(SIGTERM) == "SIGTERM");
  CHECK(signal_name(SIGKILL) == "SIGKILL");
  CHECK(signal_name(SIGUSR1) == "SIGUSR1");
  CHECK(signal_name(SIGWINCH) == "SIGWINCH");
  CHECK(signal_name(SIGSYS) == "SIGSYS");
  CHECK(signal_name(99) == "signal 99");
  CHECK(signal_name(0) == "signal 0");
  CHECK(signal_name(-1) == "signal -1");
  for (int number = 1; number < 32; ++number) {
    CHECK(signal_name(number).rfind("SIG", 0) == 0);
  }
}
