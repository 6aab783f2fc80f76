#include "platform/posix/keeper.hpp"

#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "platform/posix/exit_status.hpp"
#include "platform/posix/keeper_news.hpp"
#include "platform/posix/readable.hpp"
#include "platform/posix/system.hpp"

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

Keeper::Keeper(pid_t pid, UniqueFd end_notice, UniqueFd socket)
    : process_(pid, std::move(end_notice)), socket_(std::move(socket)) {}

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
  return readable(end_notice(), moment);
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

KeptLeader::KeptLeader(pid_t pid, UniqueFd end_notice, std::shared_ptr<Keeper> keeper)
    : Leader(pid), keeper_(std::move(keeper)) {
  hold(std::move(end_notice), nullptr);
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
  const std::optional<Outcome> outcome = outcome_of_zombie(pid());
  // What was read is the leader's if it still is a process, or a zombie, now.
  return outcome && pins_number() ? ExitStatus{*outcome, std::nullopt} : ExitStatus();
}

bool KeptLeader::pins_number() const noexcept {
  if (signals_need_no_number()) {
    return send_to_child(handle(), 0);
  }
  return !keeper_->has_ended() && !keeper_->leader_status();  // which is told before it is reaped
}

bool KeptLeader::send(int native_signal) const noexcept {
  return (signals_need_no_number() || pins_number()) && send_to_child(handle(), native_signal);
}

void KeptLeader::disown() noexcept {
  keeper_->disown();
  if (!end_notices_are_inherited()) {
    (void)end_notice_.release();
  }
}

}  // namespace treehold::inline v0::platform
