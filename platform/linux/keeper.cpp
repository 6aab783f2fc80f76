#include "platform/linux/keeper.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "platform/linux/descriptor_message.hpp"
#include "platform/linux/order.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/posix/exit_status.hpp"

namespace treehold::inline v0::platform {
namespace {

ExitStatus exit_status(const KeeperNews& news) {
  using std::chrono::microseconds;
  ResourceUse use;
  use.user = microseconds(news.user);
  use.system = microseconds(news.system);
  use.peak_resident_bytes = static_cast<std::uint64_t>(news.peak_kibibytes) * 1024;
  return {outcome_of(news.how, news.status), use};
}

}  // namespace

Keeper::Keeper(Cloned keeper, UniqueFd socket)
    : process_(keeper.pid, std::move(keeper.pidfd)), socket_(std::move(socket)) {}

void Keeper::end_tree() noexcept {
  (void)process_.send(SIGCONT);
  (void)::shutdown(socket_.get(), SHUT_WR);
}

bool Keeper::tree_ended() const noexcept {
  read_news();
  const std::lock_guard lock(mutex_);
  return tree_ended_;
}

bool Keeper::wait_for_end() const noexcept {
  constexpr int moment = 20;  // ms
  pollfd notice{pidfd(), POLLIN, 0};
  return ::poll(&notice, 1, moment) > 0;
}

bool Keeper::lost() const noexcept {
  return has_ended() && !tree_ended();
}

std::optional<ExitStatus> Keeper::leader_status() const {
  read_news();
  const std::lock_guard lock(mutex_);
  return leader_status_;
}

void Keeper::read_news() const noexcept {
  const std::lock_guard lock(mutex_);
  for (;;) {
    KeeperNews news;
    const ssize_t size = ::recv(socket_.get(), &news, sizeof news, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size != static_cast<ssize_t>(sizeof news)) {
      return;
    }
    tree_ended_ = news.tree_ended != 0;
    if (news.leader_ended != 0) {
      leader_status_ = exit_status(news);
    }
  }
}

KeptLeader::KeptLeader(pid_t pid, UniqueFd pidfd, std::shared_ptr<Keeper> keeper)
    : Leader(pid), keeper_(std::move(keeper)) {
  hold(std::move(pidfd), nullptr);
}

Leader::Peek KeptLeader::peek(ExitStatus& status) const {
  const bool nothing_comes = keeper_->has_ended();  // asked before the news is read
  if (const std::optional<ExitStatus> told = keeper_->leader_status()) {
    status = *told;
    return Peek::ended;
  }
  if (!nothing_comes) {
    return Peek::running;
  }
  return peek_at_kernel(status);
}

ExitStatus KeptLeader::status_of_zombie() const {
  const std::optional<int> status = zombie_wait_status(pid());
  // What was read is the leader's if it still is a process, or a zombie, now.
  return status && send(0) ? ExitStatus{outcome_of_wait_status(*status), std::nullopt}
                           : ExitStatus();
}

}  // namespace treehold::inline v0::platform
