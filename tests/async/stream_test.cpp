// The streams of a live process in the asynchronous form: writes in a queue, and what Asio's own
// algorithms do with them.
#include <future>
#include <string>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "running.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using asio::cancellation_type;
using treehold::Outcome;
using treehold::StdinFailed;

namespace errc = boost::system::errc;

TEST_CASE("writes are queued and written in their order", "[contract][async]") {
  Running cat(role("echo").stdin_pipe());
  const std::string large(support::more_than_a_pipe, 'x');
  std::vector<std::future<void>> written;
  for (int round = 0; round < 5; ++round) {
    written.push_back(cat.process.input().async_write(large, asio::use_future));
    written.push_back(
        cat.process.input().async_write_line(std::to_string(round), asio::use_future));
  }
  std::future<void> flushed = cat.process.input().async_flush(asio::use_future);
  cat.process.input().close();  // behind all that was begun
  std::future<void> refused = cat.process.input().async_write("late", asio::use_future);
  std::string wanted;
  for (int round = 0; round < 5; ++round) {
    wanted += large + std::to_string(round) + "\n";
  }
  CHECK(cat.process.async_output(asio::use_future).get().stdout_bytes == wanted);
  for (std::future<void>& one : written) {
    CHECK_NOTHROW(one.get());
  }
  CHECK_NOTHROW(flushed.get());
  CHECK_THROWS_AS(refused.get(), StdinFailed);
}

TEST_CASE("what stands behind a failed write fails with it", "[contract][async]") {
  Running deaf(idle().stdin_pipe());
  std::vector<std::future<void>> written;
  for (int round = 0; round < 3; ++round) {
    written.push_back(deaf.process.input().async_write(std::string(support::more_than_a_pipe, 'x'),
                                                       asio::use_future));
  }
  std::future<void> flushed = deaf.process.input().async_flush(asio::use_future);
  deaf.process.kill();
  for (std::future<void>& one : written) {
    CHECK_THROWS_AS(one.get(), StdinFailed);
  }
  CHECK_NOTHROW(flushed.get());  // nothing is on its way any more
  CHECK(deaf.process.async_wait(asio::use_future).get().signal().has_value());
}

TEST_CASE("Asio's algorithms read a captured stream", "[contract][async]") {
  Running child(role("lines", {"3"}));
  auto pipe = child.process.stdout_pipe();
  std::string text;
  for (int round = 0; round < 3; ++round) {
    const std::string line = "line " + std::to_string(round) + "\n";
    const std::size_t size =
        asio::async_read_until(pipe, asio::dynamic_buffer(text), '\n', asio::use_future).get();
    CHECK(text.substr(0, size) == line);
    text.erase(0, size);
  }
  auto end = asio::async_read_until(pipe, asio::dynamic_buffer(text), '\n', asio::use_future);
  try {
    (void)end.get();
    FAIL_CHECK("did not end");
  } catch (const boost::system::system_error& failure) {
    CHECK(failure.code() == asio::error::eof);
  }
  CHECK(child.process.async_wait(asio::use_future).get() == Outcome::exited(0));
}

TEST_CASE("Asio's algorithms write to standard input", "[contract][async]") {
  Running cat(role("echo").stdin_pipe());
  auto in = cat.process.stdin_pipe();
  auto out = cat.process.stdout_pipe();
  const std::string sent(1 << 20, 'y');
  std::string received(sent.size(), '\0');
  auto written = asio::async_write(in, asio::buffer(sent), asio::use_future);
  auto read = asio::async_read(out, asio::buffer(received), asio::use_future);
  CHECK(written.get() == sent.size());
  CHECK(read.get() == sent.size());
  CHECK(received == sent);
  cat.process.input().close();
  CHECK(cat.process.async_wait(asio::use_future).get() == Outcome::exited(0));
  auto late = asio::async_write(in, asio::buffer(sent), asio::use_future);
  try {
    (void)late.get();
    FAIL_CHECK("was written");
  } catch (const boost::system::system_error& failure) {
    CHECK(failure.code() == errc::broken_pipe);
  }
  Running silent(role("exit", {"0"}).stdout_null());
  CHECK_THROWS_AS(silent.process.stdout_pipe(), treehold::InvalidSetting);
}

TEST_CASE("a read of Asio's is cancelled without loss", "[contract][async]") {
  Running cat(role("echo").stdin_pipe());
  auto pipe = cat.process.stdout_pipe();
  for (const auto type :
       {cancellation_type::total, cancellation_type::partial, cancellation_type::terminal}) {
    asio::cancellation_signal signal;
    char byte = 0;
    auto read = pipe.async_read_some(asio::buffer(&byte, 1),
                                     asio::bind_cancellation_slot(signal.slot(), asio::use_future));
    asio::post(cat.process.get_executor(), [&] { signal.emit(type); });
    try {
      (void)read.get();
      FAIL_CHECK("was not cancelled");
    } catch (const boost::system::system_error& failure) {
      CHECK(failure.code() == asio::error::operation_aborted);
    }
  }
  cat.process.input().async_write("!", asio::detached);
  char byte = 0;
  CHECK(pipe.async_read_some(asio::buffer(&byte, 1), asio::use_future).get() == 1);
  CHECK(byte == '!');
}
