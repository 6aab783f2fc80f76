#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <treehold/command.hpp>

#include "src/execution.hpp"
#include "src/group_core.hpp"
#include "src/settings.hpp"

namespace {

namespace asio = boost::asio;

/// Completions that are put by until they are wanted.
struct Shelf {
  asio::io_context context;
  bool keeps = false;
  std::vector<std::function<void()>> kept = {};
};

/// Runs what it is given at once, on the context; or puts it by.
class ShelvingExecutor {
 public:
  explicit ShelvingExecutor(Shelf& shelf) : shelf_(&shelf) {}

  asio::execution_context& query(asio::execution::context_t /*property*/) const noexcept {
    return shelf_->context;
  }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t /*property*/) {
    return asio::execution::blocking.never;
  }
  [[nodiscard]] ShelvingExecutor require(asio::execution::blocking_t::never_t /*property*/) const {
    return *this;
  }
  template <class Function>
  void execute(Function function) const {
    const auto shared = std::make_shared<Function>(std::move(function));
    const auto call = [shared] { std::move (*shared)(); };
    if (shelf_->keeps) {
      shelf_->kept.emplace_back(call);
    } else {
      asio::post(shelf_->context, call);
    }
  }
  bool operator==(const ShelvingExecutor& other) const noexcept = default;

 private:
  Shelf* shelf_;
};

}  // namespace

TEST_CASE("what a read has taken when the drain ends is not lost", "[unit]") {
  using treehold::Command;
  using treehold::Execution;
  Shelf shelf;
  const auto work = asio::make_work_guard(shelf.context);
  const auto group = std::make_shared<treehold::GroupCore>(treehold::GroupOptions{});
  // One that its leader leaves behind holds the output open, and writes when it is told to.
  const Command command =
      Command("sh", {"-c", "exec 3<&0; (read line <&3; printf last; exec sleep 1000) & exit 0"})
          .stdin_pipe()
          .drain_grace(std::chrono::milliseconds(200));
  const auto execution = Execution::start(ShelvingExecutor(shelf), command.settings(), group);
  while (!execution->outcome()) {
    shelf.context.run_one();
  }
  execution->async_write("go\n", [](const boost::system::error_code&) {});
  while (execution->writes_done() < execution->writes_begun()) {
    shelf.context.run_one();
  }
  // The bytes come, and then the end of the drain; of two threads that run the context the one with
  // the end may be first.
  shelf.keeps = true;
  while (shelf.kept.size() < 2) {
    shelf.context.run_one();
  }
  shelf.keeps = false;
  shelf.kept[1]();
  shelf.kept[0]();
  while (!execution->finished()) {
    shelf.context.run_one();
  }
  const treehold::Output output = execution->take_result();
  CHECK(output.stdout_bytes == "last");
  CHECK(output.outcome == treehold::Outcome::exited(0));
}
