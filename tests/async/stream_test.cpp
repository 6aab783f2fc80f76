// The streams of a live process in the asynchronous form: writes in a queue, and what Asio's own
// algorithms do with them.
#include <signal.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "event_host.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using asio::cancellation_type;
using boost::system::error_code;
using treehold::Command;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::StdinFailed;

namespace errc = boost::system::errc;

namespace {

/// A process on a host that lives by its event loop.
struct Running {
  forms::Host host;
  Process process;

  explicit Running(const Command& command)
      : process(command.async_start(host.context(), asio::use_future).get()) {}
};

}  // namespace

TEST_CASE("writes are queued and written in their order", "[contract][async]") {
  Running cat(Command("cat").stdin_pipe());
  const std::string large(300000, 'x');  // more than a pipe holds
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
  Running deaf(Command("sleep", {"100000"}).stdin_pipe());
  std::vector<std::future<void>> written;
  for (int round = 0; round < 3; ++round) {
    written.push_back(deaf.process.input().async_write(std::string(300000, 'x'), asio::use_future));
  }
  std::future<void> flushed = deaf.process.input().async_flush(asio::use_future);
  deaf.process.kill();
  for (std::future<void>& one : written) {
    CHECK_THROWS_AS(one.get(), StdinFailed);
  }
  CHECK_NOTHROW(flushed.get());  // nothing is on its way any more
  CHECK(deaf.process.async_wait(asio::use_future).get().signal().has_value());
}

TEST_CASE("a cancelled flush leaves the writes alone", "[contract][async]") {
  asio::cancellation_signal signal;
  Running deaf(Command("sh", {"-c", "kill -STOP $$; exec cat"}).stdin_pipe());
  std::future<void> written =
      deaf.process.input().async_write(std::string(300000, 'x'), asio::use_future);
  std::future<void> flushed = deaf.process.input().async_flush(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  asio::post(deaf.process.get_executor(), [&] { signal.emit(cancellation_type::total); });
  CHECK_THROWS_AS(flushed.get(), treehold::Cancelled);
  // Stopped by itself, so that the pipe stays full until here.
  CHECK(wait_until([&] { return state_of(static_cast<pid_t>(deaf.process.pid())) == 'T'; }));
  PidWatch(deaf.process.pid()).kill(SIGCONT);
  std::future<Output> rest = deaf.process.async_output(asio::use_future);
  CHECK_NOTHROW(written.get());
  CHECK(rest.get().stdout_bytes.size() == 300000);
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
  Running cat(Command("cat").stdin_pipe());
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
  Running cat(Command("cat").stdin_pipe());
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

TEST_CASE("a stream is copied into any AsyncWriteStream", "[contract][async]") {
  forms::Host host;
  asio::readable_pipe from(host.context());
  asio::writable_pipe into(host.context());
  asio::connect_pipe(from, into);
  std::string copy(1 << 20, '\0');
  auto copied = asio::async_read(from, asio::buffer(copy), asio::use_future);
  const Output done = role("print", {std::to_string(copy.size())})
                          .stdout_tee(treehold::tee_into(into))
                          .async_output(host.context(), asio::use_future)
                          .get();
  CHECK_FALSE(done.stdout_tee_error);
  CHECK(copied.get() == copy.size());
  CHECK(copy == done.stdout_bytes);
  // In the synchronous form as well: the stream lives on a context that others run. A socket, since
  // Asio's own writes to a pipe that nobody reads raise SIGPIPE.
  asio::local::stream_protocol::socket ours(host.context());
  asio::local::stream_protocol::socket theirs(host.context());
  asio::local::connect_pair(ours, theirs);
  theirs.close();
  const Output late = role("print", {"100000"}).stdout_tee(treehold::tee_into(ours)).output();
  CHECK(late.stdout_bytes.size() == 100000);
  CHECK(late.stdout_tee_error == errc::broken_pipe);
}

TEST_CASE("a context is destroyed with a copy on its way", "[contract][async]") {
  std::optional<PidWatch> leader;
  {
    asio::io_context context;
    asio::readable_pipe from(context);
    asio::writable_pipe into(context);
    asio::connect_pipe(from, into);
    bool stuck = false;
    treehold::TeeSink sink = treehold::tee_into(into);
    role("flood", {"10000000"})
        .stdout_tee([&](std::string_view bytes, std::function<void(error_code)> done) {
          stuck = true;  // nobody reads what is written
          sink(bytes, std::move(done));
        })
        .async_output(context, [](const std::exception_ptr&, const Output&) { FAIL("called"); });
    while (!stuck) {
      context.run_one();
    }
    const auto all = marked_processes();
    REQUIRE(all.size() == 1);
    leader.emplace(all.front().first);
  }
  CHECK(leader->dead());
}
