// Cancellation of runs and starts, at every stage and by every type: what is supported ends the run
// once, after its tree is dead; what is not changes nothing.
#include <atomic>
#include <exception>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
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
using treehold::Command;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;
using treehold::WaitScope;

// -- Before the spawn
// -------------------------------------------------------------------------------------------

TEST_CASE("what is cancelled right after its initiation starts nothing", "[contract][async]") {
  const TempDir dir;
  const Command making = role("create", {dir / "made"});
  const Events events;
  for (const auto type : of_a_run) {
    asio::io_context context;
    ProcessGroup group;
    std::list<asio::cancellation_signal> signals;
    const auto slot = [&] { return signals.emplace_back().slot(); };
    Answer<std::string> text;
    Answer<Output> output;
    Answer<Output> checked;
    Answer<bool> yes;
    Answer<Process> process;
    Answer<Output> member;
    Answer<Process> started_member;
    making.async_run(context, asio::bind_cancellation_slot(slot(), text.handler()));
    making.async_output(context, asio::bind_cancellation_slot(slot(), output.handler()));
    making.async_checked(context, asio::bind_cancellation_slot(slot(), checked.handler()));
    making.async_probe(context, asio::bind_cancellation_slot(slot(), yes.handler()));
    making.async_start(context, asio::bind_cancellation_slot(slot(), process.handler()));
    group.async_output(making, context, asio::bind_cancellation_slot(slot(), member.handler()));
    group.async_start(making, context,
                      asio::bind_cancellation_slot(slot(), started_member.handler()));
    for (auto& signal : signals) {
      signal.emit(type);
    }
    CHECK(text.calls == 0);  // never from within the emission
    context.run();
    CHECK(text.cancelled());
    CHECK(output.cancelled());
    CHECK(checked.cancelled());
    CHECK(yes.cancelled());
    CHECK(process.cancelled());
    CHECK(member.cancelled());
    CHECK(started_member.cancelled());
  }
  CHECK_FALSE(events.say("started"));
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
}

// -- While starting
// -------------------------------------------------------------------------------------------

TEST_CASE("a start does not heed a cancellation that promises no effect", "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Process> start;
  role("exit", {"3"}).async_start(context, cancellable(signal, start));
  const Events events([&](std::string_view line) {
    if (says(line, "started ")) {
      signal.emit(cancellation_type::total);
    }
  });
  run_until(context, [&] { return start.calls == 1; });
  REQUIRE(start.good());
  auto waited = complete<Outcome>(context, [&](auto h) { start.result.async_wait(h); });
  CHECK(waited.result == Outcome::exited(3));
}

// -- Streaming
// -------------------------------------------------------------------------------------------

TEST_CASE("a run whose child floods its output is cancelled", "[contract][async]") {
  for (const auto type : of_a_run) {
    for (const bool from_within : {true, false}) {
      asio::io_context context;
      asio::cancellation_signal signal;
      std::optional<PidWatch> child;
      bool emitted = false;
      bool dead = false;
      Answer<Output> answer;
      treehold::OutputLimit last;
      last.bytes = 4096;
      last.policy = treehold::OverflowPolicy::keep_last;
      std::size_t lines = 0;
      role("chatter")
          .output_limit(last)
          .on_stdout_line([&](std::string_view line) {
            if (lines == 0) {
              child.emplace(pid_after(line, "own"));
            }
            if (++lines >= 100'000 && !std::exchange(emitted, true)) {
              if (from_within) {
                signal.emit(type);  // within the engine, which has more of these lines
              } else {
                asio::post(context, [&] { signal.emit(type); });
              }
            }
          })
          .async_output(context, asio::bind_cancellation_slot(signal.slot(), answer.handler([&] {
                          dead = child && child->dead();
                        })));
      context.run();
      CHECK(answer.cancelled());
      CHECK(dead);
    }
  }
}

TEST_CASE("a run that streams does not heed a cancellation that promises no effect",
          "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Output> answer;
  role("ticks", {"5", "1"})
      .on_stdout_line([&](std::string_view) { signal.emit(cancellation_type::total); })
      .async_output(context, cancellable(signal, answer));
  context.run();
  REQUIRE(answer.good());
  CHECK(answer.result.outcome == Outcome::exited(0));
  CHECK(answer.result.stdout_bytes == "tick\ntick\ntick\ntick\ntick\n");
}

TEST_CASE("of two types one after the other the first that is supported counts",
          "[contract][async]") {
  using Types = std::vector<cancellation_type>;
  for (const Types& types : {Types{cancellation_type::partial, cancellation_type::terminal},
                             Types{cancellation_type::terminal, cancellation_type::partial},
                             Types{cancellation_type::total, cancellation_type::terminal},
                             Types{cancellation_type::partial, cancellation_type::total},
                             Types{cancellation_type::terminal, cancellation_type::terminal},
                             Types{cancellation_type::all}}) {
    asio::io_context context;
    asio::cancellation_signal signal;
    std::list<PidWatch> members;
    bool dead = false;
    Answer<Output> answer;
    const auto emit = [&] {
      for (const auto type : types) {
        signal.emit(type);
      }
    };
    family(members, emit)
        .async_output(context, asio::bind_cancellation_slot(signal.slot(), answer.handler([&] {
                        dead = all_dead(members);
                      })));
    context.run();
    CHECK(answer.cancelled());
    CHECK(members.size() == 2);
    CHECK(dead);
  }
}

TEST_CASE("a cancelled run of a group ends with its descendants, and its siblings live",
          "[contract][async]") {
  asio::io_context context;
  ProcessGroup group;
  Answer<Process> sibling;
  group.async_start(role("echo").stdin_pipe(), context, sibling.handler());
  for (const auto type : of_a_run) {
    asio::cancellation_signal signal;
    std::list<PidWatch> members;
    bool dead = false;
    Answer<Output> answer;
    group.async_output(family(members, [&] { signal.emit(type); }), context,
                       asio::bind_cancellation_slot(
                           signal.slot(), answer.handler([&] { dead = all_dead(members); })));
    run_until(context, [&] { return answer.calls == 1; });
    CHECK(answer.cancelled());
    CHECK(members.size() == 2);
    CHECK(dead);
  }
  run_until(context, [&] { return sibling.calls == 1; });
  CHECK(complete<Nothing>(context, [&](auto handler) {
          sibling.result.input().async_write("here\n", handler);
        }).good());
  CHECK(line_of(context, sibling.result) == "here");
}

// -- The leader has gone
// -------------------------------------------------------------------------------------------

TEST_CASE("a cancellation right behind the leader's end changes nothing", "[contract][async]") {
  for (const auto type : of_a_run) {
    asio::io_context context;
    asio::cancellation_signal signal;
    Answer<Output> answer;
    const Events events([&](std::string_view line) {
      if (says(line, " ended: ")) {
        signal.emit(type);  // the rest of the tree still lives, and its output is not complete
      }
    });
    std::optional<PidWatch> child;
    role("holder")
        .on_stdout_line([&](std::string_view line) { child.emplace(pid_after(line, "child")); })
        .async_output(context, cancellable(signal, answer));
    context.run();
    REQUIRE(answer.good());
    CHECK(events.say(" ended: "));
    CHECK(answer.result.outcome == Outcome::exited(0));
    REQUIRE(child);
    CHECK(child->dead());
  }
}

TEST_CASE("a cancellation while a group's descendant still holds the pipe changes nothing",
          "[contract][async]") {
  for (const auto type : of_a_run) {
    asio::io_context context;
    ProcessGroup group;
    asio::cancellation_signal signal;
    Answer<Output> answer;
    const Events events;
    std::optional<PidWatch> child;
    group.async_output(role("holder").drain_grace(hang_bound).on_stdout_line([&](auto line) {
      child.emplace(pid_after(line, "child"));
    }),
                       context, cancellable(signal, answer));
    run_until(context, [&] { return child && events.say(" ended: "); });
    signal.emit(type);
    run_ready(context);
    CHECK(answer.calls == 0);
    CHECK_FALSE(child->dead());
    child->kill();
    run_until(context, [&] { return answer.calls == 1; });
    REQUIRE(answer.good());
    CHECK(answer.result.outcome == Outcome::exited(0));
    CHECK_FALSE(answer.result.incomplete);
  }
}

TEST_CASE("a run that waits for its tree is cancelled when its leader has gone",
          "[contract][async]") {
  for (const auto type : of_a_run) {
    for (const bool in_group : {false, true}) {
      asio::io_context context;
      ProcessGroup group;
      asio::cancellation_signal signal;
      Answer<Output> answer;
      bool dead = false;
      std::optional<PidWatch> child;
      const Events events;
      const Command command =
          role("holder").wait_scope(WaitScope::tree).on_stdout_line([&](std::string_view line) {
            child.emplace(pid_after(line, "child"));
          });
      auto handler = asio::bind_cancellation_slot(
          signal.slot(), answer.handler([&] { dead = child && child->dead(); }));
      if (in_group) {
        group.async_output(command, context, std::move(handler));
      } else {
        command.async_output(context, std::move(handler));
      }
      run_until(context, [&] { return child && events.say(" ended: "); });
      run_ready(context);
      CHECK(answer.calls == 0);
      signal.emit(type);
      run_until(context, [&] { return answer.calls == 1; });
      CHECK(answer.cancelled());
      CHECK(dead);
    }
  }
}

TEST_CASE("a cancellation after the handler was called changes nothing", "[contract][async]") {
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Process> start;
  role("echo").stdin_pipe().async_start(
      context, asio::bind_cancellation_slot(
                   signal.slot(), start.handler([&] { signal.emit(cancellation_type::all); })));
  run_until(context, [&] { return start.calls == 1; });
  REQUIRE(start.good());
  signal.emit(cancellation_type::all);
  run_ready(context);
  Process& echo = start.result;
  // The process is its owner's now, and what was said to an operation before is not said to it.
  for (int round = 0; round < 3; ++round) {
    Answer<> written;
    echo.input().async_write(
        "x\n", asio::bind_cancellation_slot(
                   signal.slot(), written.handler([&] { signal.emit(cancellation_type::all); })));
    run_until(context, [&] { return written.calls == 1; });
    CHECK(written.good());
    Answer<std::optional<std::string>> line;
    echo.async_read_line(Stream::out, cancellable(signal, line));
    run_until(context, [&] { return line.calls == 1; });
    CHECK(line.result == "x");
    signal.emit(cancellation_type::all);
    run_ready(context);
  }
}

// -- Many
// -------------------------------------------------------------------------------------------

TEST_CASE("fifty trees are cancelled at once, by four threads", "[contract][async]") {
  struct One {
    explicit One(asio::io_context& context) : strand(asio::make_strand(context)) {}
    asio::strand<asio::io_context::executor_type> strand;
    asio::cancellation_signal signal;
    std::list<PidWatch> members;
    int calls = 0;
    bool cancelled = false;
    bool dead = false;
  };
  asio::io_context context;
  constexpr int count = 50;
  std::list<One> ones;
  std::atomic<int> ready{0};
  // Emitted where the handler runs, as Asio wants it; the engine's strands are others.
  const auto emit_all = [&] {
    for (One& one : ones) {
      asio::post(one.strand, [&one] {
        one.signal.emit(cancellation_type::partial);
        one.signal.emit(cancellation_type::terminal);
      });
    }
  };
  for (int i = 0; i < count; ++i) {
    One& one = ones.emplace_back(context);
    const Command command = family(one.members, [&] {
      if (++ready == count) {
        emit_all();
      }
    });
    const auto handler = [&one](const std::exception_ptr& error, const auto&) {
      ++one.calls;
      one.dead = all_dead(one.members);
      try {
        std::rethrow_exception(error);
      } catch (const treehold::Cancelled&) {
        one.cancelled = true;
      } catch (...) {
      }
    };
    auto bound =
        asio::bind_executor(one.strand, asio::bind_cancellation_slot(one.signal.slot(), handler));
    if (i % 2 == 0) {
      command.async_run(context, std::move(bound));
    } else {
      command.async_output(std::move(bound));  // all of it on that strand
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&context] { context.run(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const One& one : ones) {
    CHECK(one.calls == 1);
    CHECK(one.cancelled);
    CHECK(one.members.size() == 2);
    CHECK(one.dead);
  }
  CHECK(marked_processes().empty());
}

TEST_CASE("fifty starts are cancelled at any moment, and leave nothing", "[contract][async]") {
  asio::io_context context;
  constexpr int count = 50;
  std::vector<asio::cancellation_signal> signals(count);
  std::vector<Answer<Process>> starts(count);
  for (std::size_t i = 0; i < count; ++i) {
    idle().async_start(context, cancellable(signals[i], starts[i]));
  }
  for (std::size_t i = 0; i < count; ++i) {
    signals[i].emit(of_a_run[i % 2]);
    for (std::size_t step = 0; step < i % 5; ++step) {
      context.poll_one();
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    run_until(context, [&] { return starts[i].calls == 1; });
    CHECK((starts[i].good() || starts[i].cancelled()));
    starts[i].result = Process();
  }
  run_ready(context);
  context.restart();
  context.run();
  CHECK(wait_until([] { return marked_processes().empty(); }));
}
