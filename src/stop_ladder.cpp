#include "src/stop_ladder.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include <treehold/error.hpp>

#include "src/log.hpp"

namespace treehold::inline v0 {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr microseconds first_pause{250};
constexpr microseconds last_pause{10'000};
constexpr microseconds last_pause_with_notices{200'000};
constexpr milliseconds freeze_bound{250};

/// Empties the place of a handler before it is called, since it may end the life of the one that
/// holds it.
template <class Function>
Function take(std::optional<Function>& place) {
  Function function = std::move(*place);
  place.reset();
  return function;
}

}  // namespace

TreeWait::TreeWait(const platform::Executor& executor, std::shared_ptr<platform::Tree> tree,
                   std::function<bool()> condition, std::optional<Clock::time_point> deadline)
    : tree_(std::move(tree)),
      condition_(std::move(condition)),
      deadline_(deadline),
      timer_(executor) {}

void TreeWait::start(platform::Handler<bool> handler) {
  handler_.emplace(std::move(handler));
  if (!condition_()) {
    watch_ = tree_->watch(timer_.get_executor());
    listen();
  }
  ask();
}

void TreeWait::listen() {
  if (watch_) {
    watch_->async_changed([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error && self->handler_) {
        self->listen();
        self->ask();
      }
    });
  }
}

void TreeWait::cut_short() {
  if (handler_) {
    complete(condition_());
  }
}

/// Late by a quarter of what it took at most, and never busy asking for more than half of the time.
Clock::duration TreeWait::pause(Clock::duration asking, Clock::duration waited) const {
  const Clock::duration most = watch_ ? last_pause_with_notices : last_pause;
  return std::max(asking, std::clamp<Clock::duration>(waited / 4, first_pause, most));
}

void TreeWait::ask() {
  const Clock::time_point asked = Clock::now();
  if (condition_()) {
    complete(true);
    return;
  }
  const Clock::time_point now = Clock::now();
  if (deadline_ && now >= *deadline_) {
    complete(false);
    return;
  }
  timer_.expires_at(std::min(now + pause(now - asked, now - begin_),
                             deadline_.value_or(Clock::time_point::max())));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->handler_) {
      self->ask();
    }
  });
}

void TreeWait::complete(bool holds) {
  timer_.cancel();
  if (watch_) {
    watch_->cancel();
    watch_.reset();
  }
  take(handler_)(holds);
}

void async_signal(const platform::Executor& executor, const std::shared_ptr<platform::Tree>& tree,
                  int native_signal, AfterSignal after,
                  platform::Handler<platform::Delivery> handler) {
  if (!tree->freezes_atomically()) {
    std::move(handler)(tree->deliver(native_signal));
    return;
  }
  tree->freeze();
  auto frozen = std::make_shared<TreeWait>(
      executor, tree, [tree] { return tree->frozen(); }, Clock::now() + freeze_bound);
  frozen->start([tree, native_signal, after, handler = std::move(handler)](bool) mutable {
    // Also when a member cannot be frozen (uninterruptible sleep): it is signalled all the same.
    const platform::Delivery sent = tree->deliver(native_signal);
    if (after == AfterSignal::thaw) {
      tree->thaw();
    }
    std::move(handler)(sent);
  });
}

StopReport require_confirmed(StopReport report) {
  if (!report.confirmed) {
    throw TeardownUnconfirmed(std::move(report));
  }
  if (!report.contained) {
    throw ContainmentLost(std::move(report));
  }
  return report;
}

void end_without_waiting(platform::Tree& tree) noexcept {
  const Clock::time_point deadline = Clock::now() + StopPlan().bound;
  while (!tree.remove() && Clock::now() < deadline) {
    tree.kill();
    std::this_thread::sleep_for(milliseconds(1));
  }
}

StopLadder::StopLadder(const platform::Executor& executor, std::shared_ptr<platform::Tree> tree,
                       const StopPlan& plan)
    : executor_(executor), tree_(std::move(tree)), plan_(plan) {}

void StopLadder::start(platform::Handler<StopReport> handler) {
  handler_.emplace(std::move(handler));
  if (tree_->remove()) {
    finish(true);
    return;
  }
  report_.members_before = tree_->members();
  if (!plan_.soft_signal) {
    kill();
    return;
  }
  async_signal(executor_, tree_, *plan_.soft_signal, AfterSignal::keep_frozen,
               [self = shared_from_this()](const platform::Delivery& sent) {
                 self->report_.soft_signal_sent = sent.members > 0;
                 self->report_.console_breaks = sent.console_breaks;
                 self->report_.window_closes = sent.window_closes;
                 log_event(LogLevel::info, "sent soft signal {} to {} members",
                           *self->plan_.soft_signal, sent.members);
                 // Stopped members (SIGSTOP) must run to heed the signal; so must a suspended tree,
                 // which does no work of its own between the signal and this.
                 if (const auto resume = platform::native_number(Signal::resume)) {
                   (void)self->tree_->deliver(*resume);
                 }
                 self->tree_->thaw();
                 self->wait_for_grace();
               });
}

void StopLadder::wait(std::function<bool()> condition, Clock::time_point deadline,
                      void (StopLadder::*next)(bool)) {
  const auto waiting = std::make_shared<TreeWait>(executor_, tree_, std::move(condition), deadline);
  waiting_ = waiting;
  waiting->start([self = shared_from_this(), next](bool holds) { (self.get()->*next)(holds); });
}

void StopLadder::wait_for_grace() {
  if (hurried_) {
    drained(tree_->empty());
    return;
  }
  in_grace_ = true;
  wait([tree = tree_] { return tree->empty(); }, Clock::now() + plan_.grace, &StopLadder::drained);
}

void StopLadder::drained(bool empty) {
  in_grace_ = false;
  report_.drained_in_grace = empty;
  kill();
}

void StopLadder::kill_now() {
  hurried_ = true;
  const auto waiting = waiting_.lock();
  if (in_grace_ && waiting) {
    waiting->cut_short();
  }
}

void StopLadder::kill() {
  // What has drained is not asked again: an answer that reads the table of processes is not sure
  // while others come and go on a busy system, and then says no.
  if (!report_.drained_in_grace && !tree_->empty()) {
    report_.escalated = true;
    log_event(LogLevel::info, "killing the tree");
  }
  // Killed again with every look: a member may join after a kill, and only the removal is the end.
  // What is already empty is not killed, so that its directory stays fit for use.
  wait(
      [tree = tree_] {
        if (tree->remove()) {
          return true;
        }
        if (!tree->empty()) {
          tree->kill();
        }
        return tree->remove();
      },
      Clock::now() + plan_.bound, &StopLadder::finish);
}

void StopLadder::finish(bool removed) {
  waiting_.reset();
  // What is empty but could not be removed (somebody holds on to a directory) has ended all the
  // same.
  report_.confirmed = removed || tree_->empty();
  if (!report_.confirmed) {
    report_.members_after = tree_->members();
    log_event(LogLevel::error, "{} members outlived the teardown", report_.members_after.size());
  }
  report_.contained = !tree_->lost();
  if (!report_.contained) {
    log_event(LogLevel::error, "members may have got away before the teardown");
  }
  report_.elapsed = Clock::now() - begin_;
  take(handler_)(std::move(report_));
}

}  // namespace treehold::inline v0
