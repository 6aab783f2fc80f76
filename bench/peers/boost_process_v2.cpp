// Boost.Process v2 as its documentation shows it: `process`, a `readable_pipe`, and
// `async_execute`.
#include <cstddef>
#include <deque>
#include <istream>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>
#include <boost/process/v2.hpp>

#include "contestant.hpp"

namespace {

namespace asio = boost::asio;
namespace bp = boost::process::v2;

class BoostProcess final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& call) override {
    bp::process child(context_, peers::nothing, {});
    call.stop();
    peers::require(child.wait() == 0, "exit code");
  }

  void capture(std::size_t bytes) override {
    asio::readable_pipe output(context_);
    bp::process child(context_, peers::head, {"-c", std::to_string(bytes), "/dev/zero"},
                      bp::process_stdio{{}, output, {}});
    std::string kept;
    boost::system::error_code end;
    asio::read(output, asio::dynamic_buffer(kept), end);
    peers::require(child.wait() == 0 && kept.size() == bytes, "size");
  }

  void lines(std::size_t count) override {
    asio::readable_pipe output(context_);
    bp::process child(context_, peers::shell,
                      {"-c", peers::line_script, "sh", std::to_string(count)},
                      bp::process_stdio{{}, output, {}});
    asio::streambuf buffer;
    std::istream stream(&buffer);
    std::size_t taken = 0;
    boost::system::error_code end;
    std::string line;
    while (asio::read_until(output, buffer, '\n', end) > 0) {
      std::getline(stream, line);
      taken += line.size() == peers::line_size ? 1U : 0U;
    }
    peers::require(child.wait() == 0 && taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    asio::writable_pipe input(context_);
    asio::readable_pipe output(context_);
    bp::process child(context_, peers::cat, {}, bp::process_stdio{input, output, {}});
    asio::async_write(input, asio::buffer(bytes),
                      [&input](boost::system::error_code, std::size_t) { input.close(); });
    std::string kept;
    asio::async_read(output, asio::dynamic_buffer(kept),
                     [](boost::system::error_code, std::size_t) {});
    context_.restart();
    context_.run();
    peers::require(child.wait() == 0 && kept.size() == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    std::size_t good = 0;
    for (std::size_t i = 0; i < count; ++i) {
      bp::async_execute(bp::process(context_, peers::nothing, {}),
                        [&good](boost::system::error_code error, int code) {
                          good += !error && code == 0 ? 1U : 0U;
                        });
    }
    context_.restart();
    context_.run();
    peers::require(good == count, "exit code");
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      held_.push_back(bp::process(context_, peers::sleep, {peers::sleep_seconds}));
      held_.back().async_wait(
          [this](boost::system::error_code error, int) { ended_ += error ? 0U : 1U; });
    }
  }

  void release() override {
    for (bp::process& child : held_) {
      child.terminate();
    }
    context_.restart();
    context_.run();
    peers::require(ended_ == held_.size(), "async_wait");
    held_.clear();
    ended_ = 0;
  }

 private:
  asio::io_context context_;
  std::deque<bp::process> held_;  // one that is waited for must not be moved
  std::size_t ended_ = 0;
};

}  // namespace

int main() {
  BoostProcess contestant;
  return peers::serve(contestant);
}
