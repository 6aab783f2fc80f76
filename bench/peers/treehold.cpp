// The library as its guide shows it: a verb for one, the asynchronous form for many at once.
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "contestant.hpp"

namespace {

class Treehold final : public peers::Contestant {
 public:
  void start() override {
    peers::require(treehold::Command(peers::nothing).exit_code() == 0, "exit code");
  }

  void capture(std::size_t bytes) override {
    const treehold::Output output =
        treehold::Command(peers::head, {"-c", std::to_string(bytes), "/dev/zero"}).output();
    peers::require(output.outcome.success() && output.stdout_bytes.size() == bytes, "size");
  }

  void lines(std::size_t count) override {
    std::size_t taken = 0;
    const treehold::Output output =
        treehold::Command(peers::shell, {"-c", peers::line_script, "sh", std::to_string(count)})
            .output_limit({.bytes = 4096, .policy = treehold::OverflowPolicy::keep_last})
            .on_stdout_line([&taken](std::string_view line) {
              taken += line.size() == peers::line_size ? 1U : 0U;
            })
            .output();
    peers::require(output.outcome.success() && taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    const treehold::Output output = treehold::Command(peers::cat).stdin_bytes(bytes).output();
    peers::require(output.outcome.success() && output.stdout_bytes.size() == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    boost::asio::io_context context;
    std::size_t good = 0;
    for (std::size_t i = 0; i < count; ++i) {
      treehold::Command(peers::nothing)
          .async_exit_code(context, [&good](const std::exception_ptr& error, int code) {
            good += !error && code == 0 ? 1U : 0U;
          });
    }
    context.run();
    peers::require(good == count, "exit code");
  }
};

}  // namespace

int main() {
  Treehold contestant;
  return peers::serve(contestant);
}
