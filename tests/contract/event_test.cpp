// The start, the lines and the end of a live child as one sequence.
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Process;
using forms::role;
using treehold::Event;
using treehold::Outcome;
using treehold::OutputLine;
using treehold::ProcessEnded;
using treehold::ProcessStarted;
using treehold::Stream;

namespace {

struct Seen {
  std::vector<treehold::ProcessId> starts;
  std::vector<std::string> out;
  std::vector<std::string> err;
  std::vector<Outcome> ends;
};

Seen all_of(Process& child) {
  Seen seen;
  for (const Event& event : child.events()) {
    CHECK(seen.ends.empty());
    if (const auto* start = std::get_if<ProcessStarted>(&event)) {
      CHECK((seen.out.empty() && seen.err.empty()));
      seen.starts.push_back(start->pid);
    } else if (const auto* line = std::get_if<OutputLine>(&event)) {
      (line->stream == Stream::out ? seen.out : seen.err).push_back(line->text);
    } else {
      seen.ends.push_back(std::get<ProcessEnded>(event).outcome);
    }
  }
  return seen;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("events are the start, the lines of both streams, and the end", "[contract]") {
  Process child = role("emit", {"one\ntwo\nlast", "wrong\n", "3"}).start();
  const treehold::ProcessId pid = child.pid();
  const Seen seen = all_of(child);
  CHECK(seen.starts == std::vector{pid});
  CHECK(seen.out == Lines{"one", "two", "last"});
  CHECK(seen.err == Lines{"wrong"});
  CHECK(seen.ends == std::vector{Outcome::exited(3)});
  CHECK_FALSE(child.next_event().has_value());
  CHECK(child.wait() == Outcome::exited(3));
}

TEST_CASE("events come as they happen", "[contract]") {
  Process child = role("echo").stdin_pipe().start();
  CHECK(std::holds_alternative<ProcessStarted>(child.next_event().value()));
  for (const char* text : {"first", "second"}) {
    child.input().write_line(text);
    CHECK(std::get<OutputLine>(child.next_event().value()).text == text);
  }
  child.input().close();
  CHECK(std::get<ProcessEnded>(child.next_event().value()).outcome == Outcome::exited(0));
}

TEST_CASE("neither stream starves the other", "[contract]") {
  // Both pipes are full before much is asked for; the child ends by itself when it is read.
  Process child = role("alternate", {"40000"}).start();
  (void)child.next_event();
  std::size_t lead = 0;
  std::size_t most = 0;
  std::size_t out = 0;
  std::size_t err = 0;
  while (const std::optional<Event> event = child.next_event()) {
    if (const auto* line = std::get_if<OutputLine>(&*event)) {
      ++(line->stream == Stream::out ? out : err);
      lead = line->stream == Stream::out ? lead + 1 : 0;
      most = std::max(most, lead);
    }
  }
  CHECK(out == 20000);
  CHECK(err == 20000);
  INFO("the longest series of one stream: " << most);
}

TEST_CASE("a child without captured streams has a start and an end", "[contract]") {
  Process child = role("exit", {"4"}).stdout_null().stderr_null().start();
  const Seen seen = all_of(child);
  CHECK(seen.starts.size() == 1);
  CHECK(seen.ends == std::vector{Outcome::exited(4)});
}

TEST_CASE("a time-out is the end among the events", "[contract]") {
  const Seen seen = with_time_enough(
      [](auto time) {
        Process child = role("sleep").timeout(time).start();
        return all_of(child);
      },
      [](const Seen& events) { return !events.out.empty(); });
  CHECK(seen.out == Lines{"ready"});
  CHECK(seen.ends == std::vector{Outcome::timed_out()});
}

TEST_CASE("what ends a run comes out of its events", "[contract]") {
  Process child = role("lines", {"3"})
                      .on_stdout_line([](std::string_view) { throw std::runtime_error("mine"); })
                      .start();
  CHECK_THROWS_WITH(all_of(child), "mine");
}
