// Errors: one line each, safe to print, safe to copy.
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/system/errc.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

using namespace treehold;  // NOLINT: every class of error.hpp is used
namespace errc = boost::system::errc;

namespace {

const std::string hostile = "evil\n\r\t\x1b[31mred\x07\x7f\x01 name";

void expect_one_safe_line(const Error& error) {
  const std::string text = error.what();
  INFO(text);
  CHECK_FALSE(text.empty());
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    CHECK((value >= 0x20 && value != 0x7f));
  }
}

boost::system::error_code no_entry() {
  return errc::make_error_code(errc::no_such_file_or_directory);
}

}  // namespace

TEST_CASE("error texts escape control characters", "[unit]") {
  expect_one_safe_line(Error(no_entry(), hostile));
  expect_one_safe_line(InvalidSetting("env", hostile));
  expect_one_safe_line(ProgramNotFound(hostile, {hostile, "/usr/bin/" + hostile}));
  expect_one_safe_line(SpawnFailed(SpawnStage::working_directory, no_entry(), hostile));
  expect_one_safe_line(NonZeroExit(hostile, Output{}));
  expect_one_safe_line(Signalled(hostile, Output{}));
  expect_one_safe_line(TimedOut(hostile, Output{}));
  expect_one_safe_line(OutputTooLarge(hostile, Output{}));
  expect_one_safe_line(ExitStatusLost(hostile, Output{}));
  expect_one_safe_line(StdinFailed(no_entry(), hostile));
  expect_one_safe_line(Unsupported(hostile, hostile));
  expect_one_safe_line(Cancelled(hostile));
  expect_one_safe_line(NotOwner(hostile));
  expect_one_safe_line(TeardownUnconfirmed(StopReport{}));
  expect_one_safe_line(ContainmentLost(StopReport{}));
  expect_one_safe_line(GroupSuspended());
  expect_one_safe_line(GroupClosed());
  expect_one_safe_line(ProcessLimitReached(ProcessLimitOwner::ancestor, hostile));
  expect_one_safe_line(LimitRefused(
      {hostile, LimitProblem::unenforceable, hostile, hostile, hostile, hostile, no_entry()}));
}

TEST_CASE("an escaped text still tells what it said", "[unit]") {
  const Error error(no_entry(), "before\nafter");
  const std::string text = error.what();
  CHECK(text.find("before") != std::string::npos);
  CHECK(text.find("after") != std::string::npos);
  const Error plain(no_entry(), "ä plain text");
  CHECK(std::string(plain.what()).find("ä plain text") != std::string::npos);
}

TEMPLATE_TEST_CASE("copying an error does not throw", "[unit]", Error, InvalidSetting,
                   ProgramNotFound, SpawnFailed, RunFailed, NonZeroExit, Signalled, TimedOut,
                   OutputTooLarge, ExitStatusLost, Cancelled, StdinFailed, Unsupported,
                   TeardownUnconfirmed, ContainmentLost, GroupSuspended, GroupClosed, NotOwner) {
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<TestType>);
  STATIC_REQUIRE(std::is_base_of_v<Error, TestType>);
  STATIC_REQUIRE(std::is_base_of_v<boost::system::system_error, TestType>);
}

TEST_CASE("a copy carries the facts of its original after that has gone", "[unit]") {
  auto original = std::make_unique<ProgramNotFound>("tool", std::vector<std::string>{"/a/tool"});
  const ProgramNotFound copy = *original;
  original.reset();
  CHECK(copy.program() == "tool");
  CHECK(copy.searched() == std::vector<std::string>{"/a/tool"});
  CHECK(std::string(copy.what()).find("tool") != std::string::npos);

  Output output;
  output.stdout_bytes = "partial";
  output.outcome = Outcome::exited(3);
  auto failure = std::make_unique<NonZeroExit>("tool", output);
  const NonZeroExit kept = *failure;
  failure.reset();
  CHECK(kept.output().stdout_bytes == "partial");
  CHECK(kept.outcome() == Outcome::exited(3));
}

TEST_CASE("reasons compare with error codes", "[unit]") {
  CHECK(GroupClosed().code() == Errc::group_closed);
  CHECK(GroupSuspended().code() == Errc::group_suspended);
  CHECK(NotOwner("group").code() == Errc::not_owner);
  CHECK(InvalidSetting("env", "x").code() == Errc::invalid_setting);
  CHECK(ProgramNotFound("x", {}).code() == Errc::program_not_found);
  CHECK(NonZeroExit("x", {}).code() == Errc::non_zero_exit);
  CHECK(Signalled("x", {}).code() == Errc::signalled);
  CHECK(TimedOut("x", {}).code() == Errc::timed_out);
  CHECK(OutputTooLarge("x", {}).code() == Errc::output_too_large);
  CHECK(ExitStatusLost("x", {}).code() == Errc::exit_status_lost);
  CHECK(Unsupported("x", "y").code() == Errc::unsupported);
  CHECK(TeardownUnconfirmed({}).code() == Errc::teardown_unconfirmed);
  CHECK(ContainmentLost({}).code() == Errc::containment_lost);
  CHECK(SpawnFailed(SpawnStage::execute, no_entry(), "x").code() == no_entry());
  CHECK(StdinFailed(no_entry(), "x").code() == no_entry());
  CHECK(std::string(error_category().name()) == "treehold");
  CHECK(make_error_code(Errc::timed_out).category() == error_category());
  for (int value = 1; value <= static_cast<int>(Errc::containment_lost); ++value) {
    CHECK_FALSE(make_error_code(static_cast<Errc>(value)).message().empty());
  }
}

TEST_CASE("a failed start tells its stage and the system's reason", "[unit]") {
  const SpawnFailed error(SpawnStage::working_directory, no_entry(), "/gone");
  CHECK(error.stage() == SpawnStage::working_directory);
  const std::string text = error.what();
  CHECK(text.find("working directory") != std::string::npos);
  CHECK(text.find("/gone") != std::string::npos);
  CHECK(text.find(no_entry().message()) != std::string::npos);
  CHECK(to_string(SpawnStage::execute) == "execute");
}

TEST_CASE("a failed run tells its program and its end", "[unit]") {
  Output output;
  output.outcome = Outcome::exited(42);
  const std::string text = NonZeroExit("tool", output).what();
  CHECK(text.find("tool") != std::string::npos);
  CHECK(text.find("42") != std::string::npos);
}

TEST_CASE("an unconfirmed teardown lists the survivors", "[unit]") {
  StopReport report;
  report.members_after = {17, 23};
  const TeardownUnconfirmed error(report);
  CHECK(error.survivors() == std::vector<ProcessId>{17, 23});
  CHECK(std::string(error.what()).find("17") != std::string::npos);
  // Also when it cannot say who they are.
  CHECK(std::string(TeardownUnconfirmed(StopReport()).what()).find("not confirmed") !=
        std::string::npos);
}
