#include <utility>

#include <boost/asio/dispatch.hpp>

#include <treehold/error.hpp>
#include <treehold/many.hpp>

#include "src/completion_core.hpp"
#include "src/private_context.hpp"

namespace treehold::inline v0 {

std::shared_ptr<CompletionCore> CompletionCore::on_own_context(std::vector<Command> commands,
                                                               std::size_t concurrency,
                                                               std::shared_ptr<GroupCore> group) {
  auto context = make_private_context();
  const auto queue = std::make_shared<RunQueue>(context->get_executor(), std::move(commands),
                                                concurrency, std::move(group));
  auto core = std::make_shared<CompletionCore>(std::move(context), queue);
  queue->begin();
  return core;
}

// -- In the order of the commands
// -----------------------------------------------------------------------------

namespace {

std::vector<OutputResult> run_all(std::vector<Command> commands, std::size_t concurrency,
                                  std::shared_ptr<GroupCore> group) {
  const AsCompleted all(
      CompletionCore::on_own_context(std::move(commands), concurrency, std::move(group)));
  const CompletionCore& core = *all.shared_core();
  drive(*core.own_context(), [&core] { return core.queue()->over(); });
  return core.queue()->take_all();
}

}  // namespace

std::vector<OutputResult> output_all(std::vector<Command> commands, std::size_t concurrency) {
  return run_all(std::move(commands), concurrency, nullptr);
}

std::vector<OutputResult> output_all(ProcessGroup& group, std::vector<Command> commands,
                                     std::size_t concurrency) {
  return run_all(std::move(commands), concurrency, group.shared_core());
}

// -- In the order of their ends
// -------------------------------------------------------------------------------

AsCompleted as_completed(std::vector<Command> commands, std::size_t concurrency) {
  return AsCompleted(CompletionCore::on_own_context(std::move(commands), concurrency, nullptr));
}

AsCompleted as_completed(ProcessGroup& group, std::vector<Command> commands,
                         std::size_t concurrency) {
  return AsCompleted(
      CompletionCore::on_own_context(std::move(commands), concurrency, group.shared_core()));
}

namespace {

std::optional<Completed> next_of(const CompletionCore& core) {
  core.require_owner();
  if (core.own_context() == nullptr) {
    throw Unsupported("blocking on runs that live on the host's executor",
                      "use the asynchronous form");
  }
  drive(*core.own_context(), [&core] { return core.queue()->ready(); });
  return core.queue()->take();
}

}  // namespace

AsCompleted::AsCompleted(std::shared_ptr<CompletionCore> core)
    : core_(std::move(core)), range_([held = core_] { return next_of(*held); }) {}
AsCompleted::AsCompleted(AsCompleted&& other) noexcept = default;

AsCompleted& AsCompleted::operator=(AsCompleted&& other) noexcept {
  if (this != &other) {
    const AsCompleted ends_here(std::move(*this));
    core_ = std::move(other.core_);
    range_ = std::move(other.range_);
  }
  return *this;
}

AsCompleted::~AsCompleted() {
  if (!core_ || !core_->is_owner()) {
    return;
  }
  try {
    const std::shared_ptr<RunQueue>& queue = core_->queue();
    if (core_->own_context() == nullptr) {
      boost::asio::dispatch(queue->executor(), [queue] { queue->end(); });
    } else {
      queue->end();
      drive(*core_->own_context(), [&queue] { return queue->over(); });
    }
  } catch (...) {  // no memory or descriptors: each run ends its tree as the context goes
  }
}

const std::shared_ptr<CompletionCore>& AsCompleted::shared_core() const {
  if (!core_) {
    throw InvalidSetting("completed runs", "were moved from");
  }
  core_->require_owner();
  return core_;
}

std::optional<Completed> AsCompleted::next() {
  return next_of(*shared_core());
}

PullRange<Completed>::Iterator AsCompleted::begin() {
  (void)shared_core();
  return range_.begin();
}

}  // namespace treehold::inline v0
