// What the tests of operations in progress share: a tree to be ended, treehold's own events, and
// operations that are run to their end.
#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/log.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "support.hpp"

namespace support {

inline constexpr boost::asio::cancellation_type of_a_run[] = {
    boost::asio::cancellation_type::terminal, boost::asio::cancellation_type::partial};
inline constexpr boost::asio::cancellation_type of_a_wait[] = {
    boost::asio::cancellation_type::terminal, boost::asio::cancellation_type::partial,
    boost::asio::cancellation_type::total};

inline bool says(std::string_view line, std::string_view words) {
  return line.find(words) != std::string_view::npos;
}

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
    return std::any_of(lines_.begin(), lines_.end(),
                       [words](const std::string& line) { return says(line, words); });
  }

 private:
  std::vector<std::string> lines_;
};

/// A tree of two, the leader and a child of it: calls `ready` when both have come to rest, and are
/// watched.
inline treehold::Command family(
    std::list<PidWatch>& members, std::function<void()> ready = [] {}) {
  return plain::role("with-child")
      .on_stdout_line([&members, ready = std::move(ready)](std::string_view line) {
        members.emplace_back(pid_after(line, "of"));
        members.emplace_back(pid_after(line, "child"));
        ready();
      });
}

inline bool all_dead(const std::list<PidWatch>& members) {
  return std::all_of(members.begin(), members.end(),
                     [](const PidWatch& member) { return member.dead(); });
}

/// What an operation completes with.
template <class Result, class Begin>
Answer<Result> complete(boost::asio::io_context& context, Begin begin) {
  Answer<Result> answer;
  begin(answer.handler());
  run_until(context, [&] { return answer.calls == 1; });
  return answer;
}

/// A started process, once its program is being executed.
inline treehold::Process started(boost::asio::io_context& context,
                                 const treehold::Command& command) {
  auto answer = complete<treehold::Process>(
      context, [&](auto handler) { command.async_start(context, std::move(handler)); });
  REQUIRE(answer.good());
  return std::move(answer.result);
}

inline std::optional<std::string> line_of(boost::asio::io_context& context,
                                          treehold::Process& process,
                                          treehold::Stream stream = treehold::Stream::out) {
  auto answer = complete<std::optional<std::string>>(
      context, [&](auto handler) { process.async_read_line(stream, std::move(handler)); });
  REQUIRE(answer.good());
  return answer.result;
}

/// A handler of `answer` that `signal` cancels.
template <class Result>
auto cancellable(boost::asio::cancellation_signal& signal, Answer<Result>& answer) {
  return boost::asio::bind_cancellation_slot(signal.slot(), answer.handler());
}

}  // namespace support
