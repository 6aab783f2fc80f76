#include "platform/posix/leader.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "platform/posix/child_order.hpp"
#include "platform/posix/input_pipe.hpp"
#include "platform/posix/output_pipe.hpp"
#include "platform/posix/readable.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

SpawnStage spawn_stage(ChildStage stage) {
  switch (stage) {
    case ChildStage::container: return SpawnStage::container;
    case ChildStage::session: return SpawnStage::session;
    case ChildStage::standard_input: return SpawnStage::standard_input;
    case ChildStage::standard_output: return SpawnStage::standard_output;
    case ChildStage::standard_error: return SpawnStage::standard_error;
    case ChildStage::resource_limits: return SpawnStage::resource_limits;
    case ChildStage::priority: return SpawnStage::priority;
    case ChildStage::oom_score: return SpawnStage::oom_score;
    case ChildStage::affinity: return SpawnStage::affinity;
    case ChildStage::credentials: return SpawnStage::credentials;
    case ChildStage::working_directory: return SpawnStage::working_directory;
    case ChildStage::execute: return SpawnStage::execute;
  }
  return SpawnStage::launch;
}

/// The descriptors that a watch waits on. The pending operations hold it together with the handler
/// that they will call, so that a context destroyed with operations pending destroys all of it.
class LeaderNotices : public std::enable_shared_from_this<LeaderNotices> {
 public:
  LeaderNotices(std::shared_ptr<Leader> leader, UniqueFd report, const Executor& executor)
      : leader_(std::move(leader)),
        report_(executor, report.release()),
        exit_(executor, leader_->end_notice()),
        retry_(executor) {}

  ~LeaderNotices() { close(); }

  /// No handler is called any more.
  void close() noexcept {
    if (std::exchange(closed_, true)) {
      return;
    }
    exit_.release();  // the leader's own descriptor, only borrowed
    error_code ignored;
    report_.close(ignored);
    retry_.cancel();
  }

  void read_report(Handler<std::optional<SpawnFailure>> handler) {
    const auto rest = asio::buffer(bytes_) + received_;
    report_.async_read_some(rest, [self = shared_from_this(), handler = std::move(handler)](
                                      const error_code& error, std::size_t count) mutable {
      if (self->closed_) {
        return;
      }
      self->received_ += count;
      if (!error && self->received_ < self->bytes_.size()) {
        self->read_report(std::move(handler));
      } else {
        if (error) {  // the end of the pipe: the child has executed its program or is gone
          self->leader_->let_go_of_memory();
          error_code ignored;
          self->report_.close(ignored);  // every child copies the host's table of descriptors
        }
        std::move(handler)(self->failure());
      }
    });
  }

  /// A notice alone proves nothing: Asio's reactor may give a descriptor one that was on its way to
  /// another when that was closed, and a wait, unlike a read, does not look again.
  void wait_for_exit_notice(Handler<ExitStatus> handler) {
    exit_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this(), handler = std::move(handler)](const error_code& error) mutable {
          if (self->closed_) {
            return;
          }
          if (error || self->leader_->has_ended()) {
            self->ask(std::move(handler));
          } else {
            self->wait_for_exit_notice(std::move(handler));
          }
        });
  }

 private:
  [[nodiscard]] std::optional<SpawnFailure> failure() const {
    if (received_ < sizeof(ChildReport)) {
      return std::nullopt;
    }
    ChildReport report;
    std::memcpy(&report, bytes_.data(), sizeof report);
    return SpawnFailure{spawn_stage(report.stage),
                        {report.error, boost::system::system_category()}};
  }

  /// The notice has come: the leader has ended. Its status is there at once, unless a tracer
  /// holds the zombie, the kernel is just reaping it by itself (SIGCHLD ignored), or its keeper has
  /// yet to tell: then it is asked again for a while.
  void ask(Handler<ExitStatus> handler) {
    ExitStatus status;
    const Leader::Peek answer = leader_->peek(status);
    if (answer == Leader::Peek::ended) {
      std::move(handler)(status);
      return;
    }
    constexpr int quick = 10;
    constexpr int patience = 30;
    constexpr int end_of_patience = 1000;
    if (++asked_ > (answer == Leader::Peek::untold ? quick : patience)) {
      const ExitStatus found =
          answer == Leader::Peek::running ? leader_->status_of_zombie() : ExitStatus{};
      const bool known = found.outcome.kind() != Outcome::Kind::unknown;
      if (known || !leader_->will_be_told() || asked_ > end_of_patience) {
        std::move(handler)(found);
        return;
      }
    }
    // A keeper is about to tell.
    constexpr std::chrono::microseconds first{100};
    retry_.expires_after(asked_ == 1 ? first : std::chrono::milliseconds(asked_ < quick ? 1 : 10));
    retry_.async_wait(
        [self = shared_from_this(), handler = std::move(handler)](const error_code&) mutable {
          if (!self->closed_) {
            self->ask(std::move(handler));
          }
        });
  }

  std::shared_ptr<Leader> leader_;
  asio::posix::stream_descriptor report_;
  asio::posix::stream_descriptor exit_;
  asio::steady_timer retry_;
  std::array<char, sizeof(ChildReport)> bytes_{};
  std::size_t received_ = 0;
  int asked_ = 0;
  bool closed_ = false;
};

class DescriptorWatch final : public LeaderWatch {
 public:
  explicit DescriptorWatch(std::shared_ptr<LeaderNotices> notices) noexcept
      : notices_(std::move(notices)) {}
  ~DescriptorWatch() override { notices_->close(); }
  DescriptorWatch(const DescriptorWatch&) = delete;
  DescriptorWatch& operator=(const DescriptorWatch&) = delete;

  void async_started(Handler<std::optional<SpawnFailure>> handler) override {
    notices_->read_report(std::move(handler));
  }
  void async_exited(Handler<ExitStatus> handler) override {
    notices_->wait_for_exit_notice(std::move(handler));
  }

 private:
  std::shared_ptr<LeaderNotices> notices_;
};

}  // namespace

bool Leader::has_ended() const noexcept {
  return readable(end_notice_.get());
}

bool Leader::send(int native_signal) const noexcept {
  return send_to_child(handle(), native_signal);
}

Leader::Peek Leader::peek_at_kernel(ExitStatus& status) const {
  if (const std::optional<Outcome> outcome = outcome_kept_for(handle())) {
    status = {*outcome, std::nullopt};
    return Peek::ended;
  }
  return Peek::untold;
}

void Leader::let_go_of_memory() noexcept {
  const std::lock_guard lock(mutex_);
  shared_memory_.reset();
}

Launched hand_over(HostEnds& ends, std::shared_ptr<Leader> leader, const Executor& executor) {
  Launched launched;
  launched.pid = leader->pid();
  launched.leader = std::make_unique<DescriptorWatch>(
      std::make_shared<LeaderNotices>(std::move(leader), std::move(ends.report), executor));
  if (ends.standard_input) {
    launched.standard_input = open_input_pipe(std::move(ends.standard_input), executor);
  }
  if (ends.standard_output) {
    launched.standard_output = open_output_pipe(std::move(ends.standard_output), executor);
  }
  if (ends.standard_error) {
    launched.standard_error = open_output_pipe(std::move(ends.standard_error), executor);
  }
  return launched;
}

}  // namespace treehold::inline v0::platform
