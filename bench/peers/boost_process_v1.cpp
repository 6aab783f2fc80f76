// Boost.Process as its tutorial shows it: `child`, an `ipstream`, and `async_system` on a context.
#include <signal.h>

#include <cstddef>
#include <future>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/process.hpp>

#include "contestant.hpp"

namespace {

namespace bp = boost::process;

class BoostProcess final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& call) override {
    bp::child child(peers::nothing);
    call.stop();
    child.wait();
    peers::require(child.exit_code() == 0, "exit code");
  }

  void capture(std::size_t bytes) override {
    bp::ipstream output;
    bp::child child(peers::head, "-c", std::to_string(bytes), "/dev/zero", bp::std_out > output);
    const std::string kept{std::istreambuf_iterator<char>(output), {}};
    child.wait();
    peers::require(child.exit_code() == 0 && kept.size() == bytes, "size");
  }

  void lines(std::size_t count) override {
    bp::ipstream output;
    bp::child child(peers::shell, "-c", peers::line_script, "sh", std::to_string(count),
                    bp::std_out > output);
    std::size_t taken = 0;
    for (std::string line; std::getline(output, line);) {
      taken += line.size() == peers::line_size ? 1U : 0U;
    }
    child.wait();
    peers::require(child.exit_code() == 0 && taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    boost::asio::io_context context;
    std::future<std::string> kept;
    auto input = boost::asio::buffer(bytes);
    bp::child child(peers::cat, (bp::std_in < input), bp::std_out > kept, context);
    context.run();
    child.wait();
    peers::require(child.exit_code() == 0 && kept.get().size() == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    boost::asio::io_context context;
    std::size_t good = 0;
    for (std::size_t i = 0; i < count; ++i) {
      bp::async_system(
          context,
          [&good](boost::system::error_code error, int code) {
            good += !error && code == 0 ? 1U : 0U;
          },
          peers::nothing);
    }
    context.run();
    peers::require(good == count, "exit code");
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      held_.emplace_back(
          peers::sleep, peers::sleep_seconds, context_,
          bp::on_exit = [this](int, const std::error_code& error) { ended_ += error ? 0U : 1U; });
    }
    context_.restart();
    context_.poll();  // what watches for the ends is set up by the context
  }

  void release() override {
    for (const bp::child& child : held_) {
      ::kill(child.id(), SIGKILL);  // `terminate` would wait, too, and on_exit see an error
    }
    context_.restart();
    context_.run();
    peers::require(ended_ == held_.size(), "on_exit");
    held_.clear();
    ended_ = 0;
  }

 private:
  boost::asio::io_context context_;
  std::vector<bp::child> held_;
  std::size_t ended_ = 0;
};

}  // namespace

int main() {
  BoostProcess contestant;
  return peers::serve(contestant);
}
