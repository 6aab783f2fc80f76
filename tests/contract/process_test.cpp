// A live child in the hand.
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::ProcessId;
using treehold::StdinFailed;
using treehold::Stream;

TEST_CASE("a started process is alive and known", "[contract]") {
  Process child = role("sleep").start();
  CHECK(child.pid() > 0);
  CHECK(alive(child.pid()));
  CHECK(child.mechanism() == mechanism());
  CHECK_FALSE(child.outcome().has_value());
  CHECK(child.members() == std::vector<ProcessId>{child.pid()});
}

TEST_CASE("wait returns the end, again and again", "[contract]") {
  Process child = role("exit", {"3"}).start();
  CHECK(child.wait() == Outcome::exited(3));
  CHECK(child.wait() == Outcome::exited(3));
  CHECK(child.wait_for(0s) == Outcome::exited(3));
  CHECK(child.outcome() == Outcome::exited(3));
  CHECK(child.members().empty());
}

TEST_CASE("wait_for gives up after its time and can be called again", "[contract]") {
  Process child = role("echo").stdin_pipe().start();
  CHECK_FALSE(child.wait_for(0s).has_value());
  CHECK_FALSE(child.wait_for(20ms).has_value());
  child.input().write("still open\n");
  CHECK(child.read_line(Stream::out) == "still open");
  child.input().close();
  CHECK(child.wait_for(hang_bound) == Outcome::exited(0));
}

TEST_CASE(
    "wait_for that gives up while the program ends tells the end, at the latest the next time",
    "[contract]") {
  for (int round = 0; round < repeats(100, 20); ++round) {
    Process child = role("exit", {"3"}).start();
    std::optional<Outcome> outcome;
    while (!outcome) {
      outcome = child.wait_for(50us);
    }
    CHECK(outcome == Outcome::exited(3));
  }
}

TEST_CASE("wait closes a piped standard input that is still open", "[contract]") {
  Process child = role("count-input").stdin_pipe().start();
  child.input().write("12345");
  CHECK(child.wait() == Outcome::exited(0));
  CHECK(child.read_all(Stream::out) == "5\n");
}

TEST_CASE("wait reads meanwhile, and what it has read stays readable", "[contract]") {
  const std::size_t size = 2000000;
  Process child = role("print", {std::to_string(size)}).start();
  CHECK(child.wait() == Outcome::exited(0));
  const bool same = child.read_all(Stream::out) == pattern(size);
  CHECK(same);
  CHECK(child.read_all(Stream::out).empty());
}

TEST_CASE("output waits and returns what was not yet read", "[contract]") {
  Process child = role("emit", {"first\nsecond\n", "err", "3"}).start();
  CHECK(child.read_line(Stream::out) == "first");
  const Output rest = child.output();
  CHECK(rest.stdout_bytes == "second\n");
  CHECK(rest.stderr_bytes == "err");
  CHECK(rest.outcome == Outcome::exited(3));
  CHECK(rest.pid == child.pid());
}

TEST_CASE("a killed process says so", "[contract]") {
  Process child = role("with-child", {"stubborn"}).start();
  const auto line = child.read_line(Stream::out);
  REQUIRE(line.has_value());
  const PidWatch descendant(pid_after(*line, "child"));
  child.kill();
  child.kill();
  CHECK(child.wait() == Outcome::signalled(9, false));
  CHECK(descendant.wait_dead());
  CHECK_NOTHROW(child.kill());
}

TEST_CASE("a process of a group ends with its descendants and without its siblings", "[contract]") {
  ProcessGroup group;
  Process sibling = group.start(role("sleep"));
  REQUIRE(sibling.read_line(Stream::out) == "ready");
  std::optional<Process> child = group.start(role("with-child"));
  const auto line = child->read_line(Stream::out);
  REQUIRE(line.has_value());
  const PidWatch descendant(pid_after(*line, "child"));
  CHECK(child->members().size() == 2);
  CHECK(group.members().size() == 3);
  child.reset();
  // Destroyed on a host's executor it has been killed, and is not waited for.
  CHECK((forms::asynchronous() ? descendant.wait_dead() : descendant.dead()));
  CHECK(group.members() == std::vector<ProcessId>{sibling.pid()});
}

TEST_CASE("the destructor kills the whole tree", "[contract]") {
  std::optional<PidWatch> leader;
  std::optional<PidWatch> descendant;
  {
    Process child = role("with-child", {"stubborn"}).start();
    const auto line = child.read_line(Stream::out);
    REQUIRE(line.has_value());
    leader.emplace(child.pid());
    descendant.emplace(pid_after(*line, "child"));
  }
  CHECK(leader->dead());
  CHECK(descendant->dead());
}

TEST_CASE("a process can be moved", "[contract]") {
  Process first = role("echo").stdin_pipe().start();
  const ProcessId pid = first.pid();
  Process second = std::move(first);
  CHECK(second.pid() == pid);
  second.input().write("moved\n");
  CHECK(second.read_line(Stream::out) == "moved");
  Process third = role("sleep").start();
  REQUIRE(third.read_line(Stream::out) == "ready");
  const PidWatch watch(third.pid());
  third = std::move(second);
  CHECK(watch.dead());
  CHECK(third.pid() == pid);
  third.input().close();
  CHECK(third.wait() == Outcome::exited(0));
}

// -- Standard input
// ---------------------------------------------------------------------------------

TEST_CASE("a conversation over pipes", "[contract]") {
  Process child = role("echo").stdin_pipe().start();
  for (int round = 0; round < 100; ++round) {
    const std::string line = "line " + std::to_string(round);
    child.input().write(line + "\n");
    CHECK(child.read_line(Stream::out) == line);
  }
  child.input().close();
  child.input().close();
  CHECK(child.wait() == Outcome::exited(0));
  CHECK_FALSE(child.read_line(Stream::out).has_value());
}

TEST_CASE("writing much does not block on a child that answers much", "[contract]") {
  const std::string input = pattern(support::more_than_a_pipe);
  Process child = role("echo").stdin_pipe().start();
  child.input().write(input);
  child.input().close();
  const bool same = child.output().stdout_bytes == input;
  CHECK(same);
}

TEST_CASE("writing to a child that has closed its input fails, without a signal", "[contract]") {
  Process child = role("close-input").stdin_pipe().start();
  REQUIRE(child.read_line(Stream::out) == "ready");
  try {
    child.input().write("x");
    FAIL("did not throw");
  } catch (const StdinFailed& error) {
    CHECK(error.code() == boost::system::errc::broken_pipe);
  }
  CHECK_THROWS_AS(child.input().write("x"), StdinFailed);
  CHECK(alive(child.pid()));
}

TEST_CASE("writing to a child that ends fails", "[contract]") {
  Process child = role("exit", {"0"}).stdin_pipe().start();
  CHECK_THROWS_AS(child.input().write(std::string(support::more_than_a_pipe, 'x')), StdinFailed);
  CHECK(child.wait() == Outcome::exited(0));
  CHECK_THROWS_AS(child.input().write("x"), StdinFailed);
  CHECK_NOTHROW(child.input().close());
}

TEST_CASE("a line is written with its ending; a flush waits for what was begun", "[contract]") {
  Process child = role("echo").stdin_pipe().start();
  child.input().write_line("one");
  child.input().write_line("");
  child.input().flush();
  CHECK(child.read_line(Stream::out) == "one");
  CHECK(child.read_line(Stream::out)->empty());
  child.input().close();
  CHECK_NOTHROW(child.input().flush());
  CHECK_THROWS_AS(child.input().write_line("two"), StdinFailed);
  CHECK(child.wait() == Outcome::exited(0));
}

TEST_CASE("writing after closing fails", "[contract]") {
  Process child = role("echo").stdin_pipe().start();
  child.input().close();
  CHECK_THROWS_AS(child.input().write("x"), treehold::Error);
  CHECK(child.wait() == Outcome::exited(0));
}

TEST_CASE("writing to a child without a piped input is refused", "[contract]") {
  Process child = role("sleep").start();
  CHECK_THROWS_AS(child.input().write("x"), treehold::Error);
}

TEST_CASE("bytes given beforehand reach a started process", "[contract]") {
  const std::string input = pattern(std::size_t{1} << 20U);
  Process child = role("echo").stdin_bytes(input).start();
  const bool same = child.output().stdout_bytes == input;
  CHECK(same);
}

// -- Reading
// ----------------------------------------------------------------------------------------

TEST_CASE("streams are read as bytes", "[contract]") {
  Process child = role("emit", {"0123456789", "abc", "0"}).start();
  CHECK(child.read_some(Stream::out, 4) == "0123");
  CHECK(child.read_some(Stream::out, 1) == "4");
  CHECK(child.read_all(Stream::out) == "56789");
  CHECK(child.read_some(Stream::out).empty());
  CHECK(child.read_all(Stream::err) == "abc");
  CHECK(child.read_some(Stream::err).empty());
}

TEST_CASE("streams are read as lines", "[contract]") {
  Process child = role("emit", {"one\n\nthree\nlast", "err\n", "0"}).start();
  CHECK(child.read_line(Stream::out) == "one");
  CHECK(child.read_line(Stream::out) == "");
  CHECK(child.read_line(Stream::out) == "three");
  CHECK(child.read_line(Stream::out) == "last");
  CHECK_FALSE(child.read_line(Stream::out).has_value());
  CHECK_FALSE(child.read_line(Stream::out).has_value());
  CHECK(child.read_line(Stream::err) == "err");
  CHECK_FALSE(child.read_line(Stream::err).has_value());
}

TEST_CASE("bytes and lines of one stream are taken in turn", "[contract]") {
  Process child = role("emit", {"one\ntwo\nthree", "", "0"}).start();
  CHECK(child.read_some(Stream::out, 2) == "on");
  CHECK(child.read_line(Stream::out) == "e");
  CHECK(child.read_some(Stream::out, 1) == "t");
  CHECK(child.read_all(Stream::out) == "wo\nthree");
}

TEST_CASE("one stream is read while the other is full", "[contract]") {
  const std::size_t size = 1000000;
  Process child = role("print", {std::to_string(size), "err", "done"}).start();
  CHECK(child.read_line(Stream::out) == "done");
  CHECK(child.read_all(Stream::err).size() == size);
  CHECK(child.wait() == Outcome::exited(0));
}

TEST_CASE("reading a stream that is not captured is refused or at its end", "[contract]") {
  Process child = role("exit", {"0"}).stdout_null().start();
  std::string read;
  try {
    read = child.read_all(Stream::out);
  } catch (const treehold::Error& refused) {
    CHECK(refused.code() == treehold::Errc::invalid_setting);
  }
  CHECK(read.empty());
  CHECK(child.wait() == Outcome::exited(0));
}

TEST_CASE("a kill from another thread ends a wait", "[contract]") {
  Process child = role("sleep").start();
  REQUIRE(child.read_line(Stream::out) == "ready");
  std::thread killer([&] { child.kill(); });
  CHECK(child.wait() == Outcome::signalled(9, false));
  killer.join();
}

TEST_CASE("a kill from another thread ends a read", "[contract]") {
  Process child = role("with-child").start();
  REQUIRE(child.read_line(Stream::out).has_value());
  std::thread killer([&] { child.kill(); });
  CHECK_FALSE(child.read_line(Stream::out).has_value());
  killer.join();
  CHECK(child.wait() == Outcome::signalled(9, false));
}

TEST_CASE("many processes at once have their own streams", "[contract]") {
  std::vector<Process> children;
  for (int index = 0; index < repeats(40, 10); ++index) {
    children.push_back(role("echo").stdin_pipe().start());
  }
  for (std::size_t index = 0; index < children.size(); ++index) {
    children[index].input().write(std::to_string(index) + "\n");
  }
  for (std::size_t index = 0; index < children.size(); ++index) {
    CHECK(children[index].read_line(Stream::out) == std::to_string(index));
    // That no later child holds an earlier one's pipe: it would never see its end.
    children[index].input().close();
    CHECK(children[index].wait() == Outcome::exited(0));
  }
}
