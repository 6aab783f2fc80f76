// The process poller of old in twenty lines: many commands, callbacks for their lines and their
// ends, input sent later, and a poll with a deadline.
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using treehold::Command;
using treehold::Outcome;
using treehold::Process;

namespace {

class Poller {
 public:
  using End = std::function<void(std::exception_ptr, Outcome)>;

  void start(int id, Command command, treehold::LineHandler line, const End& end) {
    command.stdin_pipe().on_stdout_line(std::move(line));
    auto started = [this, id, end](const std::exception_ptr& error, Process process) {
      if (error) {
        return end(error, {});
      }
      live_[id] = std::move(process);
      live_[id].async_wait([this, id, end](std::exception_ptr failure, const Outcome& outcome) {
        live_.erase(id);
        end(std::move(failure), outcome);
      });
    };
    command.async_start(context_, std::move(started));
  }
  void send(int id, std::string text) {
    live_.at(id).input().async_write(std::move(text), asio::detached);
  }
  bool poll(std::chrono::milliseconds bound) {
    context_.restart();
    context_.run_for(bound);
    return !live_.empty();
  }

 private:
  asio::io_context context_;
  std::map<int, Process> live_;
};

/// Two programs that wait to be told something, one that fails, one that does not exist.
bool all_are_heard() {
  Poller poller;
  int heard = 0;
  int ended = 0;
  int failed = 0;
  const auto line = [&](std::string_view text) {
    std::cout << text << "\n";
    ++heard;
  };
  const auto end = [&](const std::exception_ptr& error, const Outcome& outcome) {
    std::cout << (error ? "was not started" : outcome.describe()) << "\n";
    ++(error ? failed : ended);
  };
  const std::string greet = "read name; echo hello $name";
  poller.start(1, Command("sh", {"-c", greet}), line, end);
  poller.start(2, Command("sh", {"-c", greet}), line, end);
  poller.start(3, Command("false"), line, end);
  poller.start(4, Command("no-such-program"), line, end);
  while (ended + failed < 2) {
    poller.poll(10ms);
  }
  poller.send(1, "one\n");
  poller.send(2, "two\n");
  while (poller.poll(10ms)) {
  }
  return heard == 2 && ended == 3 && failed == 1;
}

}  // namespace

int main() {
  try {
    return all_are_heard() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return EXIT_FAILURE;
  }
}
