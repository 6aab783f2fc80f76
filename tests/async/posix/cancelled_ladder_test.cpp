// Cancellation in the grace of a soft signal that a program heeds or is not hurt by.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <list>
#include <string>
#include <string_view>

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
using treehold::Command;
using treehold::Output;
using treehold::Process;
using treehold::StopReport;

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
