// The streams of a live process in the asynchronous form: a program that has stopped, and streams
// that others take.
#include <signal.h>

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <catch2/catch.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "event_host.hpp"
#include "running.hpp"
#include "support.hpp"

using namespace support;
using namespace support::plain;
namespace asio = boost::asio;
using asio::cancellation_type;
using boost::system::error_code;
using treehold::Command;
using treehold::Output;

namespace errc = boost::system::errc;

TEST_CASE("a cancelled flush leaves the writes alone", "[contract][async]") {
  asio::cancellation_signal signal;
  Running deaf(Command("sh", {"-c", "kill -STOP $$; exec cat"}).stdin_pipe());
  std::future<void> written = deaf.process.input().async_write(
      std::string(support::more_than_a_pipe, 'x'), asio::use_future);
  std::future<void> flushed = deaf.process.input().async_flush(
      asio::bind_cancellation_slot(signal.slot(), asio::use_future));
  asio::post(deaf.process.get_executor(), [&] { signal.emit(cancellation_type::total); });
  CHECK_THROWS_AS(flushed.get(), treehold::Cancelled);
  // Stopped by itself, so that the pipe stays full until here.
  CHECK(wait_until([&] { return state_of(static_cast<pid_t>(deaf.process.pid())) == 'T'; }));
  PidWatch(deaf.process.pid()).kill(SIGCONT);
  std::future<Output> rest = deaf.process.async_output(asio::use_future);
  CHECK_NOTHROW(written.get());
  CHECK(rest.get().stdout_bytes.size() == support::more_than_a_pipe);
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
