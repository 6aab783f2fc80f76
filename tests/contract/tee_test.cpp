// Copies of captured streams.
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/system/errc.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using boost::system::error_code;
using forms::Command;
using forms::role;
using treehold::InvalidSetting;
using treehold::Outcome;
using treehold::Output;
using treehold::Stream;
using treehold::TeeSink;

namespace errc = boost::system::errc;
using Done = std::function<void(error_code)>;

TEST_CASE("a file gets a copy of a stream, byte for byte", "[contract]") {
  const TempDir dir;
  const std::string copy = dir / "out";
  const std::string errors = dir / "err";
  write_file(copy, "what was there before");
  for (const std::string& size : {std::string("0"), std::string("1"), std::string("3000000")}) {
    const Output done = role("print", {size}).stdout_tee(copy).stderr_tee(errors).output();
    CHECK(done.stdout_bytes.size() == std::stoul(size));
    CHECK(read_file(copy) == done.stdout_bytes);
    CHECK(read_file(errors).empty());
    CHECK_FALSE(done.stdout_tee_error);
  }
  const Output done =
      role("emit", {"out\n", "err\r", "0"}).stdout_tee(copy).stderr_tee(errors).output();
  CHECK(read_file(copy) == done.stdout_bytes);
  CHECK(read_file(errors) == done.stderr_bytes);
}

TEST_CASE("a copy is whole whatever is kept", "[contract]") {
  const TempDir dir;
  const std::string copy = dir / "out";
  const Output done = role("print", {"1000000"})
                          .output_limit({.bytes = 10, .lines = {}, .policy = {}})
                          .stdout_tee(copy)
                          .output();
  CHECK(done.truncated);
  CHECK(std::filesystem::file_size(copy) == 1000000);
}

TEST_CASE("a live child's stream is copied as it is read", "[contract]") {
  const TempDir dir;
  const std::string copy = dir / "out";
  forms::Process child = role("echo").stdin_pipe().stdout_tee(copy).start();
  child.input().write_line("one");
  CHECK(child.read_line(Stream::out) == "one");
  CHECK(wait_until([&] { return read_file(copy) == "one\n"; }));
  child.input().write_line("two");
  CHECK(child.wait() == Outcome::exited(0));
  CHECK(read_file(copy) == "one\ntwo\n");
}

TEST_CASE("a file that cannot be opened is refused before anything is started", "[contract]") {
  const TempDir dir;
  const std::string made = dir / "made";
  const Command command = role("create", {made});
  try {
    (void)Command(command).stdout_tee(dir / "none/copy").output();
    FAIL_CHECK("did not throw");
  } catch (const treehold::SpawnFailed& failure) {
    CHECK(failure.stage() == treehold::SpawnStage::standard_output);
    CHECK(failure.code() == errc::no_such_file_or_directory);
  }
  CHECK_THROWS_AS(Command(command).stderr_tee("").output(), InvalidSetting);
  CHECK_THROWS_AS(Command(command).stdout_null().stdout_tee(dir / "copy").output(), InvalidSetting);
  CHECK_THROWS_AS(
      Command(command).stdout_tee(dir / "copy").stdout_tee([](auto, const Done&) {}).output(),
      InvalidSetting);
  CHECK_FALSE(std::filesystem::exists(made));
}

TEST_CASE("a sink gets every byte, piece by piece", "[contract]") {
  std::string copy;
  std::atomic<bool> busy{false};
  const TeeSink sink = [&](std::string_view bytes, const Done& done) {
    CHECK_FALSE(busy.exchange(true));
    copy.append(bytes);
    busy = false;
    done({});
  };
  const Output done = role("print", {"1000000"}).stdout_tee(sink).output();
  CHECK(copy == done.stdout_bytes);
  CHECK_FALSE(done.stdout_tee_error);
}

TEST_CASE("a sink may be done later, on a thread of its own", "[contract]") {
  std::string copy;
  std::vector<std::thread> threads;
  const TeeSink sink = [&](std::string_view bytes, Done done) {
    threads.emplace_back([&copy, bytes, done = std::move(done)] {
      copy.append(bytes);
      done({});
      done(make_error_code(errc::io_error));  // too late to mean anything
    });
  };
  const Output done = role("print", {"300000"}).stdout_tee(sink).output();
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(copy == done.stdout_bytes);
  CHECK_FALSE(done.stdout_tee_error);
}

TEST_CASE("a sink that never is done holds nobody for ever", "[contract]") {
  std::vector<Done> held;
  const Output done = role("print", {"1000"})
                          .stdout_tee([&](auto, Done later) { held.push_back(std::move(later)); })
                          .output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.stdout_bytes.size() == 1000);
  CHECK(done.stdout_tee_error == errc::timed_out);
  REQUIRE(held.size() == 1);
  held.front()({});  // when all is over
  const Output late = with_time_enough(
      [&](auto time) {
        return role("print", {"1000000"})
            .timeout(time)
            .stdout_tee([&](auto, Done later) { held.push_back(std::move(later)); })
            .output();
      },
      [](const Output& output) { return !output.stdout_bytes.empty(); });
  CHECK(late.outcome == Outcome::timed_out());  // the child was held back
  CHECK(late.stdout_tee_error == errc::timed_out);
}

TEST_CASE("a sink that throws has failed", "[contract]") {
  const Output done = role("print", {"1000"})
                          .stderr_tee([](auto, const Done&) {})
                          .stdout_tee([](auto, const Done&) { throw 42; })
                          .output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.stdout_tee_error == errc::io_error);
  CHECK_FALSE(done.stderr_tee_error);
}
