// Events for the host's log.
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/spdlog.hpp>
#include <treehold/treehold.hpp>

#include "support.hpp"

using namespace std::chrono_literals;
using treehold::LogLevel;
using treehold::ProcessGroup;

namespace {

/// Silences the events again when a test ends.
struct Silence {
  Silence() = default;
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() { treehold::set_log_sink({}); }
};

/// A start, a time-out with a soft signal, a failed start and a stop, all with secrets about them.
void make_events() {
  (void)support::plain::role("stubborn", {"secret-argument"})
      .env("NAME", "secret-value")
      .stdin_bytes("secret-input")
      .timeout(200ms)
      .timeout_grace(50ms)
      .output();
  CHECK_THROWS_AS(
      support::plain::role("exit", {"secret-argument"}).current_dir("/no/such/place").output(),
      treehold::SpawnFailed);
  ProcessGroup group;
  treehold::Process child = group.start(support::plain::role("sleep", {"secret-argument"}));
  (void)child.read_line(treehold::Stream::out);
  (void)group.stop(1s);
}

}  // namespace

TEST_CASE("events of a run reach the sink, without arguments, values or input", "[unit]") {
  const Silence silence;
  std::vector<std::pair<LogLevel, std::string>> events;
  treehold::set_log_sink([&](LogLevel level, std::string_view line) {
    events.emplace_back(level, std::string(line));
  });
  make_events();
  CHECK(events.size() >= 5);
  for (const auto& [level, line] : events) {
    INFO(line);
    CHECK(line.find("secret") == std::string::npos);
    CHECK(std::none_of(line.begin(), line.end(),
                       [](char byte) { return static_cast<unsigned char>(byte) < 0x20; }));
  }
}

TEST_CASE("what a sink throws is swallowed", "[unit]") {
  const Silence silence;
  treehold::set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("sink"); });
  CHECK_NOTHROW(make_events());
}

TEST_CASE("an empty sink silences the events", "[unit]") {
  std::size_t events = 0;
  treehold::set_log_sink([&](LogLevel, std::string_view) { ++events; });
  treehold::set_log_sink({});
  make_events();
  CHECK(events == 0);
}

TEST_CASE("an spdlog logger of the host takes the events", "[unit]") {
  const Silence silence;
  std::ostringstream text;
  auto logger = std::make_shared<spdlog::logger>(
      "host", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  logger->set_level(spdlog::level::trace);
  treehold::set_logger(logger);
  make_events();
  treehold::set_logger(nullptr);
  CHECK_FALSE(text.str().empty());
  CHECK(text.str().find("secret") == std::string::npos);
}
