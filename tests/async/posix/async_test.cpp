// The asynchronous form by itself: soft ends, and many short runs of a shell.
#include <exception>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "answer.hpp"
#include "support.hpp"

using namespace support;
namespace asio = boost::asio;
using asio::cancellation_type;
using treehold::Command;
using treehold::Output;

TEST_CASE("a program that is ended by a signal has no exit code", "[contract][async]") {
  asio::io_context context;
  Answer<int> answer;
  plain::role("raise", {"9"}).async_exit_code(context, answer.handler());
  context.run();
  CHECK(answer.failed_with<treehold::Signalled>());
}

TEST_CASE("a cancelled run is ended softly where it is asked for", "[contract][async]") {
  const TempDir dir;
  asio::io_context context;
  asio::cancellation_signal signal;
  Answer<Output> answer;
  Command("sh", {"-c", "trap 'touch \"$0\"; exit' TERM; echo ready; while :; do sleep 0.01; done",
                 dir / "noted"})
      .cancel_grace(hang_bound)
      .on_stdout_line([&](std::string_view) { signal.emit(cancellation_type::terminal); })
      .async_output(context, asio::bind_cancellation_slot(signal.slot(), answer.handler()));
  context.run();
  CHECK(answer.cancelled());
  CHECK(std::filesystem::exists(dir / "noted"));
}

TEST_CASE("a thousand short runs on a context of four threads", "[contract][async]") {
  const DescriptorLimit limit(10'000);
  asio::io_context context;
  constexpr int count = 1000;
  std::mutex access;
  int good = 0;
  std::vector<std::string> wrong;
  for (int i = 0; i < count; ++i) {
    Command("sh", {"-c", "exit " + std::to_string(i % 7)})
        .async_exit_code(context, [&, i](const std::exception_ptr& error, int code) {
          std::string answer = std::to_string(code);
          try {
            if (error) {
              std::rethrow_exception(error);
            }
          } catch (const std::exception& failure) {
            answer = failure.what();
          }
          const std::lock_guard lock(access);
          if (answer == std::to_string(i % 7)) {
            ++good;
          } else {
            wrong.push_back(answer);
          }
        });
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&context] { context.run(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CAPTURE(wrong);
  CHECK(good == count);
  CHECK(marked_processes().empty());
}
