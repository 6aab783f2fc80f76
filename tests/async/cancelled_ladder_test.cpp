// Cancellation while a tree is being ended.
#include <list>
#include <optional>
#include <string_view>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "operations.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::StopReport;

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
    const PidWatch leader(stubborn.pid());
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
