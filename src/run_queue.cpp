#include "src/run_queue.hpp"

#include <utility>

#include <treehold/error.hpp>

#include "src/settings.hpp"
#include "src/verbs.hpp"

namespace treehold::inline v0 {

RunQueue::RunQueue(platform::Executor executor, std::vector<Command> commands,
                   std::size_t concurrency, std::shared_ptr<GroupCore> group)
    : executor_(std::move(executor)),
      commands_(std::move(commands)),
      concurrency_(concurrency),
      group_(std::move(group)) {
  if (concurrency == 0) {
    throw InvalidSetting("concurrency", "is 0: nothing could run");
  }
}

void RunQueue::begin() {
  start_more();
  waiters_.progress();
}

void RunQueue::start_more() {
  while (living_.size() < concurrency_ && next_ < commands_.size()) {
    const std::size_t index = next_++;
    try {
      start(index);
    } catch (...) {
      living_.erase(index);
      ended_.push_back({index, std::current_exception()});
    }
  }
}

void RunQueue::start(std::size_t index) {
  const Settings& settings = commands_[index].settings();
  require_unattended(settings);
  const auto execution = Execution::start(executor_, settings, group_);
  living_[index] = execution;
  (void)async_result<Output>(
      execution, executor_, [engine = execution.get()] { return engine->finished(); },
      [](Execution& finished) { return finished.take_result(); },
      [self = shared_from_this(), index](std::exception_ptr error, Output output) {
        self->ended(index, error ? OutputResult(std::move(error)) : std::move(output));
      });
}

void RunQueue::ended(std::size_t index, OutputResult result) {
  living_.erase(index);
  ended_.push_back({index, std::move(result)});
  start_more();
  waiters_.progress();
}

void RunQueue::cancel() {
  cancelled_ = true;
  while (next_ < commands_.size()) {
    const std::size_t index = next_++;
    ended_.push_back(
        {index, std::make_exception_ptr(Cancelled(commands_[index].settings().program))});
  }
  for (const auto& [index, running] : living_) {
    if (const auto execution = running.lock()) {
      execution->cancel();
    }
  }
  waiters_.progress();
}

void RunQueue::end() {
  next_ = commands_.size();
  for (const auto& [index, running] : living_) {
    if (const auto execution = running.lock()) {
      execution->end_tree(std::nullopt);
    }
  }
  waiters_.progress();
}

std::optional<Completed> RunQueue::take() {
  if (ended_.empty()) {
    return std::nullopt;
  }
  std::optional<Completed> first(std::move(ended_.front()));
  ended_.pop_front();
  return first;
}

std::vector<OutputResult> RunQueue::take_all() {
  std::vector<OutputResult> results(commands_.size());
  for (Completed& completed : ended_) {
    results[completed.index] = std::move(completed.result);
  }
  ended_.clear();
  return results;
}

GiveUp RunQueue::async_next(Completion<std::optional<Completed>> handler) {
  return async_result<std::optional<Completed>>(
      shared_from_this(), executor_, [this] { return ready(); },
      [](RunQueue& queue) { return queue.take(); }, std::move(handler));
}

void RunQueue::async_all(Completion<std::vector<OutputResult>> handler) {
  (void)async_result<std::vector<OutputResult>>(
      shared_from_this(), executor_, [this] { return over(); },
      [](RunQueue& queue) { return queue.take_all(); }, std::move(handler));
}

}  // namespace treehold::inline v0
