// Boost.Process as its tutorial shows it: `child`, an `ipstream`, and `async_system` on a context.
#include <cstddef>
#include <future>
#include <iterator>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/process.hpp>

#include "contestant.hpp"

namespace {

namespace bp = boost::process;

class BoostProcess final : public peers::Contestant {
 public:
  void start() override {
    bp::child child(peers::nothing);
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
};

}  // namespace

int main() {
  BoostProcess contestant;
  return peers::serve(contestant);
}
