// Cancellation of a start that the system holds up: of a file that nobody writes to.
#include <sys/stat.h>

#include <charconv>
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
using treehold::Command;
using treehold::Output;
using treehold::Process;

namespace {

/// The end of a leader that has not executed its program yet, and so does not carry our mark.
class Newborn {
 public:
  /// Of the event "started PROGRAM as PID in MECHANISM".
  explicit Newborn(std::string_view event) {
    constexpr std::string_view word = " as ";
    const std::size_t at = event.rfind(word) + word.size();
    pid_t pid = 0;
    std::from_chars(event.data() + at, event.data() + event.size(), pid);
    watch_.emplace(pid, PidWatch::Whose::newborn);
  }
  Newborn(const Newborn&) = delete;
  Newborn& operator=(const Newborn&) = delete;
  ~Newborn() = default;

  [[nodiscard]] bool dead() const { return watch_->dead(); }

 private:
  std::optional<PidWatch> watch_;
};

}  // namespace

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
