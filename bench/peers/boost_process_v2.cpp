// Boost.Process v2 as its documentation shows it: `process`, a `readable_pipe`, and
// `async_execute`.
#include <cstddef>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/process/v2.hpp>

#include "contestant.hpp"

namespace {

namespace asio = boost::asio;
namespace bp = boost::process::v2;

class BoostProcess final : public peers::Contestant {
 public:
  void start() override {
    bp::process child(context_, peers::nothing, {});
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

 private:
  asio::io_context context_;
};

}  // namespace

int main() {
  BoostProcess contestant;
  return peers::serve(contestant);
}
