// The asynchronous form by itself: tokens, executors, cancellation, lifetime. What the verbs do is
// held by the contract, which runs in this form as well.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/promise.hpp>
#include <boost/asio/experimental/use_promise.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using asio::cancellation_type;
using treehold::Command;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

TEST_CASE("every verb has an asynchronous form", "[contract][async]") {
  asio::io_context context;
  Answer<std::string> text;
  Answer<Output> output;
  Answer<Output> checked;
  Answer<int> code;
  Answer<bool> yes;
  role("emit", {"hello\n", "", "0"}).async_run(context, text.handler());
  role("exit", {"3"}).async_output(context, output.handler());
  role("exit", {"3"}).async_checked(context, checked.handler());
  role("exit", {"3"}).async_exit_code(context.get_executor(), code.handler());
  role("exit", {"1"}).async_probe(context, yes.handler());
  CHECK(text.calls == 0);  // never from within the initiating function
  context.run();
  CHECK(text.result == "hello");
  CHECK(output.result.outcome == Outcome::exited(3));
  CHECK(checked.failed_with<treehold::NonZeroExit>());
  CHECK(code.result == 3);
  CHECK(yes.calls == 1);
  CHECK_FALSE(yes.error);
  CHECK_FALSE(yes.result);
}

TEST_CASE("errors of the settings and of the start come through the handler", "[contract][async]") {
  asio::io_context context;
  Answer<Output> invalid;
  Answer<Output> missing;
  Answer<Process> not_there;
  Answer<Output> no_pipe;
  quick().timeout(-1s).async_output(context, invalid.handler());
  Command("no-such-program").async_output(context, missing.handler());
  quick().current_dir("/no/such/place").async_start(context, not_there.handler());
  role("echo").stdin_pipe().async_output(context, no_pipe.handler());
  context.run();
  CHECK(invalid.failed_with<treehold::InvalidSetting>());
  CHECK(missing.failed_with<treehold::ProgramNotFound>());
  CHECK(not_there.failed_with<treehold::SpawnFailed>());
  CHECK(no_pipe.failed_with<treehold::InvalidSetting>());
}

TEST_CASE("any completion token will do", "[contract][async]") {
  asio::io_context context;
  const Command command = role("emit", {"x", "", "0"});
  std::future<std::string> future = command.async_run(context, asio::use_future);
  command.async_run(context, asio::detached);
  auto deferred = command.async_run(context, asio::deferred);
  std::string late;
  std::move(deferred)(
      [&late](const std::exception_ptr&, std::string text) { late = std::move(text); });
  std::tuple<std::exception_ptr, std::string> both;
  command.async_run(context, asio::as_tuple([&both](auto result) { both = std::move(result); }));
  auto promise = command.async_run(context, asio::experimental::use_promise);
  context.run();
  std::string promised;
  std::move(promise)(asio::bind_executor(
      context,
      [&promised](const std::exception_ptr&, std::string text) { promised = std::move(text); }));
  context.restart();
  context.run();
  CHECK(future.get() == "x");
  CHECK(late == "x");
  CHECK(std::get<1>(both) == "x");
  CHECK(promised == "x");
}

TEST_CASE("a handler runs on its own executor, with its own allocator", "[contract][async]") {
  asio::io_context context;
  asio::thread_pool elsewhere(1);
  const auto id_of_pool =
      asio::post(elsewhere, asio::use_future([] { return std::this_thread::get_id(); }));
  std::promise<std::thread::id> ran;
  role("exit", {"0"})
      .async_exit_code(context,
                       asio::bind_executor(elsewhere, [&ran](const std::exception_ptr&, int) {
                         ran.set_value(std::this_thread::get_id());
                       }));
  context.run();
  auto future = ran.get_future();
  CHECK(future.get() == const_cast<std::future<std::thread::id>&>(id_of_pool).get());
  // Without an executor in front, the handler's own is where all of it runs.
  auto strand = asio::make_strand(context);
  bool inside = false;
  role("exit", {"0"})
      .async_exit_code(asio::bind_executor(strand, [&](const std::exception_ptr&, int) {
        inside = strand.running_in_this_thread();
      }));
  context.restart();
  context.run();
  CHECK(inside);
  elsewhere.join();
}

TEST_CASE("a run is cancelled with its tree dead before the handler is called",
          "[contract][async]") {
  for (const auto type : {cancellation_type::terminal, cancellation_type::partial}) {
    asio::io_context context;
    asio::cancellation_signal signal;
    Answer<Output> answer;
    bool dead = false;
    std::optional<PidWatch> child;
    std::string line;
    role("with-child")
        .on_stdout_line([&](std::string_view said) {
          child.emplace(pid_after(std::string(said), "child"));
          signal.emit(type);
        })
        .async_output(context, asio::bind_cancellation_slot(
                                   signal.slot(), [&](std::exception_ptr error, const Output&) {
                                     ++answer.calls;
                                     answer.error = std::move(error);
                                     dead = child && child->dead();
                                   }));
    context.run();
    CHECK(answer.calls == 1);
    CHECK(answer.cancelled());
    CHECK(dead);
    signal.emit(type);  // too late: nobody is there
  }
}

TEST_CASE("a run does not heed a cancellation that promises no effect", "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<int> answer;
  role("exit", {"4"})
      .async_exit_code(context, asio::bind_cancellation_slot(signal.slot(), answer.handler()));
  signal.emit(cancellation_type::total);
  context.run();
  CHECK_FALSE(answer.error);
  CHECK(answer.result == 4);
}

TEST_CASE("a run cancelled before it begins starts nothing", "[contract][async]") {
  const TempDir dir;
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<int> answer;
  role("create", {dir / "made"})
      .async_exit_code(context, asio::bind_cancellation_slot(signal.slot(), answer.handler()));
  signal.emit(cancellation_type::terminal);
  context.run();
  CHECK(answer.calls == 1);
  CHECK(answer.cancelled());
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
}

TEST_CASE("a handler on another context may end the context of the run", "[contract][async]") {
  auto first = std::make_unique<asio::io_context>();
  asio::io_context second;
  int answer = 0;
  role("exit", {"3"})
      .async_exit_code(*first,
                       asio::bind_executor(second, [&](const std::exception_ptr& error, int code) {
                         first.reset();
                         answer = error ? -1 : code;
                       }));
  first->run();
  CHECK(answer == 0);
  second.run();
  CHECK(answer == 3);
}

TEST_CASE("a handler on another context may end that of a process", "[contract][async]") {
  auto first = std::make_unique<asio::io_context>();
  asio::io_context second;
  Answer<Process> started;
  role("exit", {"3"}).async_start(*first, started.handler());
  run_until(*first, [&] { return started.calls == 1; });
  bool called = false;
  treehold::async_wait_any({&started.result}, second,
                           [&](const std::exception_ptr& error, std::size_t index) {
                             started.result = Process();
                             first.reset();
                             called = !error && index == 0;
                           });
  while (!called && first) {
    second.restart();
    second.poll();
    if (first) {
      first->restart();
      first->run_for(1ms);
    }
  }
  CHECK(called);
}

TEST_CASE("fifty runs are cancelled at once", "[contract][async]") {
  asio::io_context context;
  constexpr int count = 50;
  std::vector<asio::cancellation_signal> signals(count);
  std::vector<Answer<Process>> starts(count);
  std::vector<Answer<int>> answers(count);
  int ready = 0;
  for (std::size_t i = 0; i < count; ++i) {
    role("sleep")
        .on_stdout_line([&](std::string_view) {
          if (++ready == count) {
            for (auto& signal : signals) {
              signal.emit(cancellation_type::terminal);
            }
          }
        })
        .async_exit_code(context,
                         asio::bind_cancellation_slot(signals[i].slot(), answers[i].handler()));
  }
  context.run();
  for (const auto& answer : answers) {
    CHECK(answer.calls == 1);
    CHECK(answer.cancelled());
  }
  CHECK(marked_processes().empty());
}

TEST_CASE("a cancellation wins over a time-out that is due at the same moment",
          "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  asio::steady_timer timer(context);
  for (int round = 0; round < 50; ++round) {
    Answer<Output> answer;
    const auto due = std::chrono::milliseconds(20);
    timer.expires_after(due);
    timer.async_wait([&](const auto&) { signal.emit(cancellation_type::terminal); });
    role("sleep").timeout(due).async_output(
        context, asio::bind_cancellation_slot(signal.slot(), answer.handler()));
    context.restart();
    context.run();
    CHECK(answer.calls == 1);
    // One verdict; the time-out's only when all was over before the cancellation came.
    CHECK((answer.cancelled() || answer.result.outcome == Outcome::timed_out()));
  }
}

TEST_CASE("a started process is talked to", "[contract][async]") {
  asio::io_context context;
  Answer<Process> started;
  role("echo").stdin_pipe().async_start(context, started.handler());
  run_until(context, [&] { return started.calls == 1; });
  REQUIRE_FALSE(started.error);
  Process cat = std::move(started.result);
  Answer<std::optional<std::string>> line;
  cat.async_read_line(Stream::out, line.handler());
  std::exception_ptr written;
  cat.input().async_write("hello\nworld",
                          [&](std::exception_ptr error) { written = std::move(error); });
  run_until(context, [&] { return line.calls == 1; });
  CHECK(line.result == "hello");
  CHECK_FALSE(written);
  Answer<Output> rest;
  cat.async_output(rest.handler());  // closes standard input
  run_until(context, [&] { return rest.calls == 1; });
  CHECK(rest.result.stdout_bytes == "world");
  CHECK(rest.result.outcome == Outcome::exited(0));
  Answer<std::optional<std::string>> none;
  cat.async_read_line(Stream::out, none.handler());
  std::exception_ptr refused;
  cat.input().async_write("more", [&](std::exception_ptr error) { refused = std::move(error); });
  run_until(context, [&] { return none.calls == 1 && refused; });
  CHECK_FALSE(none.result);
  CHECK_THROWS_AS(std::rethrow_exception(refused), treehold::StdinFailed);
  CHECK_THROWS_AS(cat.wait(), treehold::Unsupported);
}

TEST_CASE("a cancelled wait lets the child go on", "[contract][async]") {
  asio::io_context context;
  Answer<Process> started;
  role("echo").stdin_pipe().async_start(context, started.handler());
  run_until(context, [&] { return started.calls == 1; });
  for (const auto type :
       {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
    asio::cancellation_signal signal;
    Answer<std::optional<std::string>> line;
    started.result.async_read_line(Stream::out,
                                   asio::bind_cancellation_slot(signal.slot(), line.handler()));
    asio::post(context, [&] { signal.emit(type); });
    run_until(context, [&] { return line.calls == 1; });
    CHECK(line.cancelled());
  }
  Answer<std::optional<std::string>> line;
  started.result.async_read_line(Stream::out, line.handler());
  started.result.input().async_write("still here\n", asio::detached);
  run_until(context, [&] { return line.calls == 1; });
  CHECK(line.result == "still here");
  Answer<treehold::StopReport> stopped;
  started.result.async_stop(0s, stopped.handler());
  run_until(context, [&] { return stopped.calls == 1; });
  CHECK(stopped.result.confirmed);
}

TEST_CASE("a slow reader holds the child back, and memory stays flat", "[contract][async]") {
  asio::io_context context;
  Answer<Process> started;
  role("flood", {"268435456"}).async_start(context, started.handler());
  run_until(context, [&] { return started.calls == 1; });
  const std::size_t before = own_memory("VmRSS");
  std::size_t total = 0;
  std::size_t most = 0;
  for (;;) {
    Answer<std::string> some;
    started.result.async_read_some(Stream::out, std::size_t{1} << 16, some.handler());
    run_until(context, [&] { return some.calls == 1; });
    REQUIRE_FALSE(some.error);
    if (some.result.empty()) {
      break;
    }
    total += some.result.size();
    if (total % (std::size_t{16} << 20) < some.result.size()) {
      context.poll();  // time for reading ahead, if it would
      most = std::max(most, own_memory("VmRSS"));
    }
  }
  CHECK(total == 268435456);
  // (A sanitizer keeps what was freed.)
  CHECK((sanitized || most < before + (std::size_t{16} << 20)));
}

TEST_CASE("a context destroyed with runs in flight ends their trees", "[contract][async]") {
  std::optional<PidWatch> child;
  {
    asio::io_context context;
    auto held = std::make_shared<int>(1);
    role("with-child")
        .on_stdout_line([&](std::string_view said) {
          child.emplace(pid_after(std::string(said), "child"));
          context.stop();
        })
        .async_output(context,
                      [held](const std::exception_ptr&, const Output&) { FAIL("called"); });
    Answer<Process> started;
    role("sleep").async_start(context, [](const std::exception_ptr&, const Process&) {});
    context.run();
    REQUIRE(child);
    CHECK_FALSE(child->dead());
  }
  CHECK(child->dead());
  CHECK(marked_processes().empty());
}

TEST_CASE("a process that is dropped is ended by what is pending", "[contract][async]") {
  asio::io_context context;
  Answer<Process> started;
  role("with-child").async_start(context, started.handler());
  run_until(context, [&] { return started.calls == 1; });
  Answer<std::optional<std::string>> line;
  started.result.async_read_line(Stream::out, line.handler());
  run_until(context, [&] { return line.calls == 1; });
  const PidWatch child(pid_after(line.result.value_or(""), "child"));
  Answer<Outcome> waited;
  started.result.async_wait(waited.handler());
  Process moved = std::move(started.result);  // with the wait pending
  context.poll();
  CHECK(waited.calls == 0);
  { const Process ends_here = std::move(moved); }
  context.restart();
  context.run();
  CHECK(child.dead());
  CHECK(waited.calls == 1);
  CHECK(waited.result == Outcome::signalled(9, false));
}

TEST_CASE("a group is stopped, killed and waited for", "[contract][async]") {
  asio::io_context context;
  ProcessGroup group;
  Answer<Process> started;
  group.async_start(role("sleep"), context, started.handler());
  run_until(context, [&] { return started.calls == 1; });
  asio::cancellation_signal signal;
  std::exception_ptr given_up;
  group.async_wait_empty(
      context, asio::bind_cancellation_slot(
                   signal.slot(), [&](std::exception_ptr error) { given_up = std::move(error); }));
  context.poll();
  signal.emit(cancellation_type::total);
  run_until(context, [&] { return given_up != nullptr; });
  CHECK_THROWS_AS(std::rethrow_exception(given_up), treehold::Cancelled);
  Answer<Output> output;
  group.async_output(role("emit", {"inside\n", "", "0"}), context, output.handler());
  bool empty = false;
  group.async_wait_empty(context, [&](const std::exception_ptr& error) { empty = !error; });
  Answer<treehold::StopReport> killed;
  run_until(context, [&] { return output.calls == 1; });
  CHECK(output.result.stdout_bytes == "inside\n");
  CHECK_FALSE(empty);
  group.async_kill(context, killed.handler());
  run_until(context, [&] { return killed.calls == 1 && empty; });
  CHECK(killed.result.members_before.size() == 1);
  Answer<treehold::StopReport> stopped;
  group.async_stop(1s, context, stopped.handler());
  run_until(context, [&] { return stopped.calls == 1; });
  CHECK(stopped.result.confirmed);
  Answer<int> refused;
  group.async_exit_code(quick(), context, refused.handler());
  run_until(context, [&] { return refused.calls == 1; });
  CHECK(refused.failed_with<treehold::GroupClosed>());
  started.result = Process();
}
