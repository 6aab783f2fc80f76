// What an `AsCompleted` is inside: its queue, and in the synchronous form the context it lives on.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <treehold/error.hpp>

#include "platform/platform.hpp"
#include "src/run_queue.hpp"

namespace treehold::inline v0 {

class CompletionCore {
 public:
  /// `own_context` is null when the executor of the queue is the host's.
  CompletionCore(std::unique_ptr<boost::asio::io_context> own_context,
                 std::shared_ptr<RunQueue> queue) noexcept
      : own_context_(std::move(own_context)), queue_(std::move(queue)) {}

  /// A queue on a context of its own, begun.
  [[nodiscard]] static std::shared_ptr<CompletionCore> on_own_context(
      std::vector<Command> commands, std::size_t concurrency, std::shared_ptr<GroupCore> group);

  [[nodiscard]] boost::asio::io_context* own_context() const noexcept { return own_context_.get(); }
  [[nodiscard]] const std::shared_ptr<RunQueue>& queue() const noexcept { return queue_; }
  [[nodiscard]] bool is_owner() const noexcept { return owner_ == platform::incarnation(); }
  /// Throws `NotOwner`.
  void require_owner() const {
    if (!is_owner()) {
      throw NotOwner("the runs");
    }
  }

 private:
  // First, so that it outlives what lives on it.
  const std::unique_ptr<boost::asio::io_context> own_context_;
  const std::shared_ptr<RunQueue> queue_;
  const std::uint64_t owner_ = platform::incarnation();
};

}  // namespace treehold::inline v0
