// Line handlers.
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::role;
using treehold::LineBatch;
using treehold::Outcome;
using treehold::Output;
using treehold::Stream;

namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines seen;
  const Output done = role("emit", {text, "", "0"})
                          .on_stdout_line([&](std::string_view line) { seen.emplace_back(line); })
                          .output();
  CHECK(done.stdout_bytes == text);
  return seen;
}

/// All that `read_lines` gives.
Lines batches_of(forms::Process child) {
  Lines read;
  for (;;) {
    const LineBatch batch = child.read_lines(Stream::out);
    if (batch.empty()) {
      return read;
    }
    for (const std::string_view line : batch) {
      read.emplace_back(line);
    }
  }
}

/// An exception that is recognised as the very one that was thrown.
struct Unmistakable {
  int number;
};

}  // namespace

TEST_CASE("each line is delivered once, without its ending", "[contract]") {
  CHECK(lines_of("one\ntwo\nthree\n") == Lines{"one", "two", "three"});
  CHECK(lines_of("one\n\n\ntwo\n") == Lines{"one", "", "", "two"});
  CHECK(lines_of("one\r\ntwo\n") == Lines{"one\r", "two"});
  CHECK(lines_of("\n") == Lines{""});
  CHECK(lines_of("").empty());
}

TEST_CASE("a last line without an ending is delivered once", "[contract]") {
  CHECK(lines_of("one\nlast") == Lines{"one", "last"});
  CHECK(lines_of("only") == Lines{"only"});
}

TEST_CASE("on request a line ends at a carriage return as well", "[contract]") {
  const std::string text = "10%\r20%\rdone\r\n\r\nnext\nlast\r";
  const Lines wanted = {"10%", "20%", "done", "", "next", "last"};
  const Command command =
      role("emit", {text, "", "0"}).line_ending(treehold::LineEnding::newline_or_return);
  Lines handled;
  CHECK(Command(command)
            .on_stdout_line([&](std::string_view line) { handled.emplace_back(line); })
            .output()
            .stdout_bytes == text);
  CHECK(handled == wanted);
  auto child = command.start();
  Lines read;
  for (std::string& line : child.lines(Stream::out)) {
    read.push_back(std::move(line));
  }
  CHECK(read == wanted);
  CHECK(batches_of(command.start()) == wanted);
}

TEST_CASE("the two halves of an ending may come one after the other", "[contract]") {
  // The child's answer is read before it is sent the rest.
  auto child =
      role("echo").stdin_pipe().line_ending(treehold::LineEnding::newline_or_return).start();
  for (int round = 0; round < 20; ++round) {
    child.input().write("half\r");
    CHECK(child.read_line(Stream::out) == "half");
    child.input().write("\nwhole\r\n");
    CHECK(child.read_line(Stream::out) == "whole");
  }
  child.input().write("end\r");
  CHECK(child.read_line(Stream::out) == "end");
  child.input().write("\n");
  child.input().close();
  CHECK_FALSE(child.read_line(Stream::out).has_value());
  CHECK(child.wait() == Outcome::exited(0));
}

TEST_CASE("all lines that are there come together", "[contract]") {
  static_assert(std::forward_iterator<LineBatch::Iterator>);
  CHECK(batches_of(role("emit", {"one\n\ntwo\nlast", "", "0"}).start()) ==
        Lines{"one", "", "two", "last"});
  CHECK(batches_of(role("emit", {"one\r\n", "", "0"}).start()) == Lines{"one\r"});
  CHECK(batches_of(role("emit", {"", "", "0"}).start()).empty());
  // An open line waits for its ending; one by one and together go in turn.
  auto child = role("echo").stdin_pipe().start();
  child.input().write("one\ntwo\nthree\nfo");
  CHECK(child.read_line(Stream::out) == "one");
  const LineBatch batch = child.read_lines(Stream::out);
  CHECK(batch.text() == "two\nthree\n");
  CHECK(std::next(batch.begin(), 2) == batch.end());
  child.input().write("ur\nfive");
  CHECK(*child.read_lines(Stream::out).begin() == "four");
  child.input().close();
  CHECK(child.read_lines(Stream::out).text() == "five");
  CHECK(child.read_lines(Stream::out).empty());
  CHECK(child.wait() == Outcome::exited(0));
  // Many, over many batches.
  const Lines many = batches_of(role("lines", {"100000"}).start());
  REQUIRE(many.size() == 100000);
  CHECK(many.back() == "line 99999");
  auto silent = role("lines", {"1"}).stdout_null().start();
  CHECK_THROWS_AS(silent.read_lines(Stream::out), treehold::InvalidSetting);
}

TEST_CASE("the two halves of an ending may come in two batches", "[contract]") {
  auto child =
      role("echo").stdin_pipe().line_ending(treehold::LineEnding::newline_or_return).start();
  for (int round = 0; round < 20; ++round) {
    child.input().write("half\r");
    CHECK(child.read_lines(Stream::out).text() == "half\r");
    child.input().write("\nwhole\r\n");
    CHECK(child.read_lines(Stream::out).text() == "whole\r\n");
  }
  child.input().close();
  CHECK(child.read_lines(Stream::out).empty());
}

TEST_CASE("lines of a live child are a range", "[contract]") {
  auto child = role("lines", {"1000"}).start();
  std::size_t count = 0;
  for (const std::string& line : child.lines(Stream::out)) {
    CHECK(line == "line " + std::to_string(count));
    ++count;
  }
  CHECK(count == 1000);
  CHECK(child.lines(Stream::out).begin() == std::default_sentinel);
  CHECK(child.wait() == Outcome::exited(0));
  auto silent = role("lines", {"1"}).stdout_null().start();
  CHECK_THROWS_AS(silent.lines(Stream::out).begin(), treehold::InvalidSetting);
}

TEST_CASE("both streams have their handlers, on the thread that waits", "[contract]") {
  Lines out;
  Lines err;
  bool same_thread = true;
  const auto here = std::this_thread::get_id();
  (void)role("alternate", {"100"})
      .on_stdout_line([&](std::string_view line) {
        out.emplace_back(line);
        same_thread = same_thread && std::this_thread::get_id() == here;
      })
      .on_stderr_line([&](std::string_view line) { err.emplace_back(line); })
      .run();
  CHECK(out.size() == 50);
  CHECK(err.size() == 50);
  CHECK(out.front() == "0");
  CHECK(err.back() == "99");
  CHECK((same_thread || forms::asynchronous()));
}

TEST_CASE("a line longer than 1 MiB comes in pieces", "[contract]") {
  std::string joined;
  std::size_t pieces = 0;
  (void)role("flood", {"3000000"})
      .on_stdout_line([&](std::string_view piece) {
        CHECK(piece.size() <= std::size_t{2} << 20U);
        joined += piece;
        ++pieces;
      })
      .output();
  CHECK(pieces >= 2);
  CHECK(joined.size() == 3000000);
}

TEST_CASE("what a handler throws on the last line is not lost", "[contract]") {
  const Command command = role("emit", {"last", "", "0"}).on_stdout_line([](std::string_view) {
    throw std::runtime_error("the last line");
  });
  CHECK_THROWS_WITH(command.output(), "the last line");
}

TEST_CASE("what a handler throws ends only that child of a group", "[contract]") {
  treehold::ProcessGroup group;
  treehold::Process sibling = group.start(role("sleep"));
  REQUIRE(sibling.read_line(treehold::Stream::out) == "ready");
  CHECK_THROWS_AS(group.output(role("with-child").on_stdout_line([](std::string_view) {
    throw Unmistakable{1};
  })),
                  Unmistakable);
  CHECK(group.members() == std::vector<treehold::ProcessId>{sibling.pid()});
}
