// Cancellation of what only waits, reads or writes: the child goes on, and what was begun can be
// begun again without loss.
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "operations.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using asio::cancellation_type;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

// -- Before the spawn
// -------------------------------------------------------------------------------------------

TEST_CASE("what only waits is cancelled right after its initiation, and nothing is taken",
          "[contract][async]") {
  asio::io_context context;
  ProcessGroup group;
  Answer<Process> start;
  group.async_start(role("echo").stdin_pipe(), context, start.handler());
  run_until(context, [&] { return start.calls == 1; });
  Process& echo = start.result;
  for (const auto type : of_a_wait) {
    std::list<asio::cancellation_signal> signals;
    const auto slot = [&] { return signals.emplace_back().slot(); };
    Answer<Outcome> waited;
    Answer<Output> output;
    Answer<std::string> some;
    Answer<std::optional<std::string>> line;
    Answer<std::string> all;
    Answer<> empty;
    echo.async_wait(asio::bind_cancellation_slot(slot(), waited.handler()));
    echo.async_output(asio::bind_cancellation_slot(slot(), output.handler()));
    echo.async_read_some(Stream::out, 10, asio::bind_cancellation_slot(slot(), some.handler()));
    echo.async_read_line(Stream::out, asio::bind_cancellation_slot(slot(), line.handler()));
    echo.async_read_all(Stream::out, asio::bind_cancellation_slot(slot(), all.handler()));
    group.async_wait_empty(context, asio::bind_cancellation_slot(slot(), empty.handler()));
    for (auto& signal : signals) {
      signal.emit(type);
    }
    run_ready(context);
    CHECK(waited.cancelled());
    CHECK(output.cancelled());
    CHECK(some.cancelled());
    CHECK(line.cancelled());
    CHECK(all.cancelled());
    CHECK(empty.cancelled());
  }
  // Not even standard input is closed, as async_output does once it begins.
  const auto written =
      complete<Nothing>(context, [&](auto handler) { echo.input().async_write("on\n", handler); });
  CHECK(written.good());
  CHECK(line_of(context, echo) == "on");
}

// -- Begun again
// -------------------------------------------------------------------------------------------

TEST_CASE("a read that is cancelled in the midst of a line loses none of it", "[contract][async]") {
  for (const auto type : of_a_wait) {
    asio::io_context context;
    Process child = started(context, role("piecemeal").stdin_pipe());
    // While one stream is waited for the other one is read as well.
    CHECK(line_of(context, child, Stream::err) == "marked");
    asio::cancellation_signal signal;
    const auto cancelled = [&](auto begin) {
      auto answer = begin();
      run_ready(context);
      CHECK(answer->calls == 0);
      signal.emit(type);
      run_ready(context);
      CHECK(answer->cancelled());
    };
    const auto line = [&] {
      auto answer = std::make_unique<Answer<std::optional<std::string>>>();
      child.async_read_line(Stream::out, cancellable(signal, *answer));
      return answer;
    };
    const auto all = [&] {
      auto answer = std::make_unique<Answer<std::string>>();
      child.async_read_all(Stream::out, cancellable(signal, *answer));
      return answer;
    };
    const auto write = [&] {
      CHECK(complete<Nothing>(context, [&](auto handler) {
              child.input().async_write("on\n", handler);
            }).good());
    };
    cancelled(line);
    cancelled(all);
    cancelled(line);
    write();
    CHECK(line_of(context, child) == "hello");
    cancelled(line);
    cancelled(all);
    write();
    const auto rest = complete<std::string>(
        context, [&](auto handler) { child.async_read_all(Stream::out, handler); });
    CHECK(rest.result == "rest of it\n");
  }
}

TEST_CASE("a read that is cancelled as its line comes either has it or leaves it",
          "[contract][async]") {
  asio::io_context context;
  Process echo = started(context, role("echo").stdin_pipe());
  int taken = 0;
  const int rounds = repeats(300, 60);
  for (int round = 0; round < rounds; ++round) {
    asio::cancellation_signal signal;
    Answer<std::optional<std::string>> line;
    Answer<> written;
    echo.async_read_line(Stream::out, cancellable(signal, line));
    const std::string word = std::to_string(round);
    echo.input().async_write(word + "\n", written.handler());
    run_until(context, [&] { return written.calls == 1; });
    for (int step = 0; step < round % 7; ++step) {
      context.restart();
      context.poll_one();
    }
    signal.emit(of_a_wait[round % 3]);
    run_until(context, [&] { return line.calls == 1; });
    if (line.good()) {
      ++taken;
      CHECK(line.result == word);
    } else {
      CHECK(line.cancelled());
      CHECK(line_of(context, echo) == word);
    }
  }
  CHECK(taken <= rounds);
}

TEST_CASE("a cancelled wait and a cancelled collection are begun again without loss",
          "[contract][async]") {
  for (const auto type : of_a_wait) {
    asio::io_context context;
    Process echo = started(context, role("echo").stdin_pipe());
    const std::string bytes = pattern(100'000);
    Answer<> written;
    Answer<Outcome> waited;
    asio::cancellation_signal signal;
    echo.input().async_write(bytes, written.handler());
    echo.async_wait(cancellable(signal, waited));
    run_until(context, [&] { return written.calls == 1; });
    CHECK(waited.calls == 0);
    signal.emit(type);
    run_until(context, [&] { return waited.calls == 1; });
    CHECK(waited.cancelled());
    // Standard input is open still: a wait does not close it.
    CHECK(complete<Nothing>(context, [&](auto handler) {
            echo.input().async_write("more", handler);
          }).good());
    Answer<Output> first;
    echo.async_output(cancellable(signal, first));
    asio::post(context, [&] { signal.emit(type); });
    run_until(context, [&] { return first.calls == 1; });
    CHECK(first.cancelled());
    auto second = complete<Output>(context, [&](auto handler) { echo.async_output(handler); });
    REQUIRE(second.good());
    CHECK(second.result.outcome == Outcome::exited(0));
    CHECK(second.result.stdout_bytes == bytes + "more");
    auto again = complete<Outcome>(context, [&](auto handler) { echo.async_wait(handler); });
    CHECK(again.result == Outcome::exited(0));
  }
}

TEST_CASE("of many who wait the cancelled ones alone are given up", "[contract][async]") {
  asio::io_context context;
  Process echo = started(context, role("echo").stdin_pipe());
  constexpr std::size_t count = 30;
  std::vector<asio::cancellation_signal> signals(count);
  std::vector<Answer<Outcome>> waits(count);
  std::vector<Answer<std::optional<std::string>>> lines(count);
  for (std::size_t i = 0; i < count; ++i) {
    echo.async_wait(cancellable(signals[i], waits[i]));
    echo.async_read_line(Stream::out, lines[i].handler());
  }
  run_ready(context);
  for (std::size_t i = 0; i < count; i += 2) {
    signals[i].emit(of_a_wait[i % 3]);
  }
  run_ready(context);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(waits[i].cancelled() == (i % 2 == 0));
    text += std::to_string(i) + "\n";
  }
  CHECK(complete<Nothing>(context, [&](auto handler) {
          echo.input().async_write(text, handler);
        }).good());
  run_until(context, [&] { return lines.back().calls == 1; });
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(lines[i].result == std::to_string(i));  // in the order in which they came
  }
  echo.input().close();
  run_until(context, [&] { return waits.back().calls == 1; });
  for (std::size_t i = 1; i < count; i += 2) {
    CHECK(waits[i].result == Outcome::exited(0));
  }
}

TEST_CASE("a cancelled wait for a group to be empty is begun again", "[contract][async]") {
  asio::io_context context;
  ProcessGroup group;
  Answer<Process> start;
  group.async_start(role("echo").stdin_pipe(), context, start.handler());
  run_until(context, [&] { return start.calls == 1; });
  for (const auto type : of_a_wait) {
    asio::cancellation_signal signal;
    Answer<> empty;
    group.async_wait_empty(context, cancellable(signal, empty));
    run_ready(context);
    CHECK(empty.calls == 0);
    signal.emit(type);
    signal.emit(cancellation_type::terminal);
    run_until(context, [&] { return empty.calls == 1; });
    run_ready(context);
    CHECK(empty.cancelled());
  }
  Answer<> empty;
  group.async_wait_empty(context, empty.handler());
  start.result.input().close();
  run_until(context, [&] { return empty.calls == 1; });
  CHECK(empty.good());
}

TEST_CASE("a cancelled wait for a sample is begun again", "[contract][async][limits]") {
  asio::io_context context;
  ProcessGroup group;
  using Sample = std::optional<treehold::Statistics>;
  const Process child = [&] {
    Answer<Process> start;
    group.async_start(role("sleep"), context, start.handler());
    run_until(context, [&] { return start.calls == 1; });
    return std::move(start.result);
  }();
  for (const auto type : of_a_wait) {
    asio::cancellation_signal signal;
    Answer<Sample> sample;
    group.async_sample_stats(1h, context, cancellable(signal, sample));
    run_ready(context);
    CHECK(sample.calls == 0);
    signal.emit(type);
    run_until(context, [&] { return sample.calls == 1; });
    CHECK(sample.cancelled());
  }
  Answer<Sample> sample;
  group.async_sample_stats(1ms, context, sample.handler());
  run_until(context, [&] { return sample.calls == 1; });
  CHECK(sample.good());
  CHECK(sample.result.has_value());
}

TEST_CASE("a write heeds nothing but a terminal cancellation, which closes standard input",
          "[contract][async]") {
  asio::io_context context;
  const std::string bytes(support::more_than_a_pipe, 'x');
  for (const auto type : {cancellation_type::total, cancellation_type::partial}) {
    const TempDir dir;
    Process child = started(context, role("count-input", {dir / "go"}).stdin_pipe());
    asio::cancellation_signal signal;
    Answer<> written;
    child.input().async_write(bytes, cancellable(signal, written));
    signal.emit(type);
    run_ready(context);
    signal.emit(type);
    run_ready(context);
    CHECK(written.calls == 0);
    write_file(dir / "go", "");
    run_until(context, [&] { return written.calls == 1; });
    CHECK(written.good());
    child.input().close();
    CHECK(line_of(context, child) == std::to_string(bytes.size()));
  }
  const TempDir dir;
  Process child = started(context, role("count-input", {dir / "go"}).stdin_pipe());
  asio::cancellation_signal signal;
  Answer<> written;
  child.input().async_write(bytes, cancellable(signal, written));
  run_ready(context);
  CHECK(written.calls == 0);
  signal.emit(cancellation_type::terminal);
  signal.emit(cancellation_type::terminal);
  run_until(context, [&] { return written.calls == 1; });
  CHECK(written.cancelled());
  const auto more =
      complete<Nothing>(context, [&](auto handler) { child.input().async_write("x", handler); });
  CHECK(more.failed_with<treehold::StdinFailed>());
  // The child goes on, and sees the end of what it was sent.
  write_file(dir / "go", "");
  const auto told = line_of(context, child);
  REQUIRE(told);
  CHECK(std::stoull(*told) < bytes.size());
  auto waited = complete<Outcome>(context, [&](auto handler) { child.async_wait(handler); });
  CHECK(waited.result == Outcome::exited(0));
}
