// Cancellation at every stage of an operation's life, by every type: what is supported ends it
// once, after its tree is dead; what is not changes nothing.
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/log.hpp>
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
using treehold::StopReport;
using treehold::Stream;
using treehold::WaitScope;

namespace {

constexpr cancellation_type of_a_run[] = {cancellation_type::terminal, cancellation_type::partial};
constexpr cancellation_type of_a_wait[] = {cancellation_type::terminal, cancellation_type::partial,
                                           cancellation_type::total};

/// treehold's own events, for tests that must act in the midst of a run: calls `seen` with each, on
/// the thread where it happens.
class Events {
 public:
  explicit Events(std::function<void(std::string_view line)> seen = {}) {
    treehold::set_log_sink(
        [this, seen = std::move(seen)](treehold::LogLevel, std::string_view line) {
          lines_.emplace_back(line);
          if (seen) {
            seen(line);
          }
        });
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events() { treehold::set_log_sink({}); }

  /// Whether one of them says `words`.
  [[nodiscard]] bool say(std::string_view words) const {
    for (const std::string& line : lines_) {
      if (line.find(words) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

 private:
  std::vector<std::string> lines_;
};

bool says(std::string_view line, std::string_view words) {
  return line.find(words) != std::string_view::npos;
}

/// The end of a leader that has not executed its program yet, and so does not carry our mark.
class Newborn {
 public:
  /// Of the event "started PROGRAM as PID in MECHANISM".
  explicit Newborn(std::string_view event) {
    constexpr std::string_view word = " as ";
    const std::size_t at = event.rfind(word) + word.size();
    pid_t pid = 0;
    std::from_chars(event.data() + at, event.data() + event.size(), pid);
    fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  }
  Newborn(const Newborn&) = delete;
  Newborn& operator=(const Newborn&) = delete;
  ~Newborn() { ::close(fd_); }

  [[nodiscard]] bool dead() const {
    pollfd event{fd_, POLLIN, 0};
    return ::poll(&event, 1, 0) == 1;
  }

 private:
  int fd_ = -1;
};

/// A tree of two, the leader and a child of it: calls `ready` when both have come to rest, and are
/// watched.
Command family(
    std::list<PidWatch>& members, std::function<void()> ready = [] {}) {
  const auto leader = std::make_shared<pid_t>(0);
  return Command("sh", {"-c", "echo \"leader $$\"; exec \"$0\" --role=with-child", self()})
      .on_stdout_line([&members, leader, ready = std::move(ready)](std::string_view line) {
        if (*leader == 0) {
          *leader = pid_after(line, "leader");
          return;
        }
        members.emplace_back(*leader);
        members.emplace_back(pid_after(line, "child"));
        ready();
      });
}

bool all_dead(const std::list<PidWatch>& members) {
  for (const PidWatch& member : members) {
    if (!member.dead()) {
      return false;
    }
  }
  return true;
}

/// A started process, once its program is being executed.
Process started(asio::io_context& context, const Command& command) {
  Answer<Process> answer;
  command.async_start(context, answer.handler());
  run_until(context, [&] { return answer.calls == 1; });
  REQUIRE(answer.good());
  return std::move(answer.result);
}

/// What an asynchronous member of a process completes with.
template <class Result, class Begin>
Answer<Result> complete(asio::io_context& context, Begin begin) {
  Answer<Result> answer;
  begin(answer.handler());
  run_until(context, [&] { return answer.calls == 1; });
  return answer;
}

std::optional<std::string> line_of(asio::io_context& context, Process& process,
                                   Stream stream = Stream::out) {
  auto answer = complete<std::optional<std::string>>(
      context, [&](auto handler) { process.async_read_line(stream, std::move(handler)); });
  REQUIRE(answer.good());
  return answer.result;
}

/// A handler of `answer` that `signal` cancels.
template <class Result>
auto cancellable(asio::cancellation_signal& signal, Answer<Result>& answer) {
  return asio::bind_cancellation_slot(signal.slot(), answer.handler());
}

}  // namespace

// -- Before the spawn
// -------------------------------------------------------------------------------------------

TEST_CASE("what is cancelled right after its initiation starts nothing", "[contract][async]") {
  const TempDir dir;
  const Command touch("touch", {dir / "made"});
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
    touch.async_run(context, asio::bind_cancellation_slot(slot(), text.handler()));
    touch.async_output(context, asio::bind_cancellation_slot(slot(), output.handler()));
    touch.async_checked(context, asio::bind_cancellation_slot(slot(), checked.handler()));
    touch.async_probe(context, asio::bind_cancellation_slot(slot(), yes.handler()));
    touch.async_start(context, asio::bind_cancellation_slot(slot(), process.handler()));
    group.async_output(touch, context, asio::bind_cancellation_slot(slot(), member.handler()));
    group.async_start(touch, context,
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

// -- While starting
// -------------------------------------------------------------------------------------------

TEST_CASE("a start that hangs before its exec is cancelled with the child dead",
          "[contract][async]") {
  const TempDir dir;
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  const Command hanging = role("sleep").stdin_file(dir / "fifo");  // nobody writes to it
  for (const auto type : of_a_run) {
    for (const bool whole_run : {true, false}) {
      for (const bool at_the_launch : {true, false}) {
        asio::io_context context;
        asio::cancellation_signal signal;
        std::optional<Newborn> leader;
        const Events events([&](std::string_view line) {
          if (says(line, "started ")) {
            leader.emplace(line);
            if (at_the_launch) {
              signal.emit(type);
            }
          }
        });
        bool dead = false;
        const auto look = [&] { dead = leader && leader->dead(); };
        Answer<Output> run;
        Answer<Process> start;
        if (whole_run) {
          hanging.async_output(context,
                               asio::bind_cancellation_slot(signal.slot(), run.handler(look)));
        } else {
          hanging.async_start(context,
                              asio::bind_cancellation_slot(signal.slot(), start.handler(look)));
        }
        run_until(context, [&] { return leader.has_value(); });
        if (!at_the_launch) {
          run_ready(context);
          CHECK(run.calls + start.calls == 0);
          CHECK_FALSE(leader->dead());
          signal.emit(type);
        }
        run_until(context, [&] { return run.calls + start.calls == 1; });
        run_ready(context);
        CHECK((whole_run ? run.cancelled() : start.cancelled()));
        CHECK(dead);
      }
    }
  }
}

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
      pid_t pid = 0;
      std::optional<PidWatch> child;
      bool emitted = false;
      bool dead = false;
      Answer<Output> answer;
      treehold::OutputLimit last;
      last.bytes = 4096;
      last.policy = treehold::OverflowPolicy::keep_last;
      std::size_t lines = 0;
      Command("sh", {"-c", "echo \"child $$\"; exec yes"})
          .output_limit(last)
          .on_stdout_line([&](std::string_view line) {
            if (lines == 0) {
              pid = pid_after(line, "child");
            } else if (lines == 1) {
              child.emplace(pid);  // it is that program now
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
    child->kill(SIGKILL);
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

// -- The stop ladder
// -------------------------------------------------------------------------------------------

TEST_CASE("a second cancellation leaves the first its grace", "[contract][async]") {
  const TempDir dir;
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Output> answer;
  const std::string script =
      "trap 'while [ ! -e \"$0/go\" ]; do sleep 0.01; done; touch \"$0/noted\"; exit' TERM; "
      "echo ready; while :; do sleep 0.01; done";
  const Events events([&](std::string_view line) {
    if (says(line, "sent soft signal")) {
      signal.emit(cancellation_type::terminal);
      asio::post(context, [&] { signal.emit(cancellation_type::terminal); });
      asio::post(context, [&] { write_file(dir / "go", ""); });
    }
  });
  Command("sh", {"-c", script, dir.path()})
      .cancel_grace(hang_bound)
      .on_stdout_line([&](std::string_view) { signal.emit(cancellation_type::partial); })
      .async_output(context, cancellable(signal, answer));
  context.run();
  CHECK(answer.cancelled());
  CHECK(std::filesystem::exists(dir / "noted"));
}

TEST_CASE("a child that ignores the soft signal of a cancellation is killed after the grace",
          "[contract][async]") {
  for (const auto type : of_a_run) {
    asio::io_context context;
    asio::cancellation_signal signal;
    Answer<Output> answer;
    bool dead = false;
    std::optional<PidWatch> child;
    const Events events;
    role("with-child", {"stubborn"})
        .cancel_grace(20ms)
        .on_stdout_line([&](std::string_view line) {
          child.emplace(pid_after(line, "child"));
          signal.emit(type);
        })
        .async_output(context, asio::bind_cancellation_slot(signal.slot(), answer.handler([&] {
                        dead = child && child->dead();
                      })));
    context.run();
    CHECK(answer.cancelled());
    CHECK(dead);
    CHECK(events.say("sent soft signal"));
    CHECK(events.say("killing the tree"));
  }
}

TEST_CASE("a cancellation ends the grace of a time-out, and wins over it", "[contract][async]") {
  // SIGCONT hurts nobody: the whole of the grace would be waited for.
  const auto with_grace = [](Command command) {
    return command.soft_signal(treehold::Signal::resume).timeout_grace(2 * hang_bound);
  };
  const Command commands[] = {with_grace(role("sleep").timeout(1ms)),
                              with_grace(role("sleep").inactivity_timeout(1ms))};
  // The time-out is due and nothing else is done yet; within its ladder; and in its grace.
  enum class Moment { at_once, in_ladder, in_grace };
  for (const Command& command : commands) {
    for (const Moment moment : {Moment::at_once, Moment::in_ladder, Moment::in_grace}) {
      for (const auto type : of_a_run) {
        asio::io_context context;
        asio::cancellation_signal signal;
        Answer<Output> answer;
        bool out_of_time = false;
        const Events events([&](std::string_view line) {
          if (says(line, "timed out")) {
            out_of_time = true;
            if (moment == Moment::at_once) {
              signal.emit(type);
            } else if (moment == Moment::in_ladder) {
              asio::post(context, [&] { signal.emit(type); });
            }
          } else if (says(line, "sent soft signal") && moment == Moment::in_grace) {
            asio::post(context, [&] { signal.emit(type); });
          }
        });
        command.async_output(context, cancellable(signal, answer));
        const auto begin = std::chrono::steady_clock::now();
        context.run();
        CAPTURE(static_cast<int>(moment), static_cast<int>(type));
        CHECK(out_of_time);
        CHECK(answer.cancelled());
        CHECK(std::chrono::steady_clock::now() - begin < hang_bound);  // the grace was cut
      }
    }
  }
}

TEST_CASE("a cancellation does not interrupt a stop", "[contract][async]") {
  for (const auto type : of_a_wait) {
    asio::io_context context;
    asio::cancellation_signal signal;
    // Two who are told, and stay.
    Process noting = started(context, role("note-signal", {std::to_string(SIGTERM)}));
    REQUIRE(line_of(context, noting) == "ready");
    std::list<PidWatch> members;
    for (const auto pid : noting.members()) {
      members.emplace_back(static_cast<pid_t>(pid));
    }
    REQUIRE(members.size() == 2);
    Answer<StopReport> stopped;
    noting.async_stop(2 * hang_bound, cancellable(signal, stopped));
    signal.emit(type);  // before it begins
    CHECK(line_of(context, noting) == "got");
    signal.emit(type);  // and in its grace
    run_ready(context);
    CHECK(stopped.calls == 0);
    for (const PidWatch& member : members) {
      member.kill(SIGKILL);
    }
    run_until(context, [&] { return stopped.calls == 1; });
    REQUIRE(stopped.good());
    CHECK(stopped.result.drained_in_grace);
    CHECK_FALSE(stopped.result.escalated);
    CHECK(stopped.result.confirmed);
  }
}

TEST_CASE("a cancellation does not interrupt the stop and the kill of a group",
          "[contract][async]") {
  for (const auto type : of_a_wait) {
    asio::io_context context;
    ProcessGroup group;
    std::list<PidWatch> members;
    Answer<Output> run;
    group.async_output(family(members), context, run.handler());
    run_until(context, [&] { return members.size() == 2; });
    asio::cancellation_signal signal;
    Answer<StopReport> killed;
    group.async_kill(context, asio::bind_cancellation_slot(signal.slot(), killed.handler([&] {
                       CHECK(all_dead(members));
                     })));
    signal.emit(type);
    run_until(context, [&] { return killed.calls == 1 && run.calls == 1; });
    REQUIRE(killed.good());
    CHECK(killed.result.members_before.size() == 2);
    CHECK(run.good());
    Answer<StopReport> stopped;
    group.async_stop(1s, context, cancellable(signal, stopped));
    signal.emit(type);
    run_until(context, [&] { return stopped.calls == 1; });
    CHECK(stopped.good());
  }
}

TEST_CASE("a wait that is cancelled while its process is stopped does not hinder the stop",
          "[contract][async]") {
  for (const auto type : of_a_wait) {
    asio::io_context context;
    asio::cancellation_signal signal;
    Process stubborn = started(context, role("stubborn"));
    REQUIRE(line_of(context, stubborn) == "ready");
    const PidWatch leader(static_cast<pid_t>(stubborn.pid()));
    Answer<Outcome> waited;
    Answer<StopReport> stopped;
    stubborn.async_wait(cancellable(signal, waited));
    stubborn.async_stop(20ms, stopped.handler());
    const Events events([&](std::string_view line) {
      if (says(line, "sent soft signal")) {
        signal.emit(type);
      }
    });
    run_until(context, [&] { return waited.calls == 1 && stopped.calls == 1; });
    CHECK(waited.cancelled());
    REQUIRE(stopped.good());
    CHECK(stopped.result.escalated);
    CHECK(leader.dead());
  }
}

// -- Begun again
// -------------------------------------------------------------------------------------------

TEST_CASE("a read that is cancelled in the midst of a line loses none of it", "[contract][async]") {
  const TempDir dir;
  const std::string script =
      "printf hel; echo marked >&2; read word; printf 'lo\\nrest'; read word; echo ' of it'";
  for (const auto type : of_a_wait) {
    asio::io_context context;
    Process child = started(context, Command("sh", {"-c", script}).stdin_pipe());
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
  const int rounds = scaled(300, 60);
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

TEST_CASE("a write heeds nothing but a terminal cancellation, which closes standard input",
          "[contract][async]") {
  asio::io_context context;
  const std::string bytes(std::size_t{4} << 20, 'x');  // more than any pipe takes at once
  for (const auto type : {cancellation_type::total, cancellation_type::partial}) {
    const TempDir dir;
    Process child = started(
        context,
        Command("sh", {"-c", "while [ ! -e \"$0\" ]; do sleep 0.01; done; wc -c", dir / "go"})
            .stdin_pipe());
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
  Process child =
      started(context,
              Command("sh", {"-c", "while [ ! -e \"$0\" ]; do sleep 0.01; done; wc -c", dir / "go"})
                  .stdin_pipe());
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
    const auto handler = [&one](std::exception_ptr error, const auto&) {
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
