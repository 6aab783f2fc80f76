// The library as its guide shows it: a verb for one, the asynchronous form for many at once.
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "contestant.hpp"

namespace {

class Treehold final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& /*call*/) override {
    peers::require(treehold::Command(peers::nothing).exit_code() == 0, "exit code");
  }

  // The verb waits; whoever must not be held up takes its asynchronous form.
  void blocked(peers::Stopwatch& call) override {
    int code = -1;
    context_.restart();
    treehold::Command(peers::nothing)
        .async_exit_code(context_, [&code](const std::exception_ptr& error, int ended) {
          code = error ? -1 : ended;
        });
    context_.poll();  // all that is done without waiting
    call.stop();
    context_.run();
    peers::require(code == 0, "exit code");
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
    const std::shared_ptr<const std::string> lent(std::shared_ptr<void>(), &bytes);
    const treehold::Output output = treehold::Command(peers::cat).stdin_bytes(lent).output();
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

  void hold(std::size_t count) override {
    if (!group_) {
      group_.emplace();
    }
    treehold::Command sleeper(peers::sleep, {peers::sleep_seconds});
    sleeper.stdout_inherit().stderr_inherit();  // no pipes, as the others
    std::size_t begun = 0;
    std::size_t failed = 0;
    for (std::size_t i = 0; i < count; ++i) {
      group_->async_start(sleeper, context_,
                          [&](const std::exception_ptr& error, treehold::Process child) {
                            ++begun;
                            failed += error ? 1U : 0U;
                            if (!error) {
                              watch(std::move(child));
                            }
                          });
    }
    context_.restart();
    while (begun < count) {
      context_.run_one();
    }
    peers::require(failed == 0, "start");
  }

  void release() override {
    if (group_) {
      group_->kill();
    }
    context_.restart();
    context_.run();
    peers::require(ended_ == held_.size(), "wait");
    held_.clear();
    ended_ = 0;
    group_.reset();
  }

 private:
  void watch(treehold::Process child) {
    held_.push_back(std::move(child));
    held_.back().async_wait([this](const std::exception_ptr& error, const treehold::Outcome&) {
      ended_ += error ? 0U : 1U;
    });
  }

  // In this order: what lives on the context ends before it.
  boost::asio::io_context context_;
  std::optional<treehold::ProcessGroup> group_;
  std::vector<treehold::Process> held_;
  std::size_t ended_ = 0;
};

}  // namespace

int main() {
  Treehold contestant;
  return peers::serve(contestant);
}
