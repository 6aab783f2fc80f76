#include "platform/posix/reaper/spawn.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <treehold/error.hpp>

#include "platform/posix/portable/newborn.hpp"
#include "platform/posix/portable/system.hpp"
#include "platform/posix/readable.hpp"
#include "platform/posix/reaper/keep.hpp"

namespace treehold::inline v0::platform {
namespace {

struct Sockets {
  UniqueFd host;
  UniqueFd keeper;
};

Sockets make_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw SpawnFailed(SpawnStage::launch, last_error(), "socketpair");
  }
  Sockets sockets{UniqueFd(ends[0]), UniqueFd(ends[1])};
  sockets.keeper = above_standard(std::move(sockets.keeper));
  if (!sockets.keeper) {
    throw SpawnFailed(SpawnStage::launch, last_error(), "socketpair");
  }
  return sockets;
}

/// Tells the keeper that who was born is held.
void tell_of_hold(int socket) noexcept {
  (void)::send(socket, "", 1, MSG_NOSIGNAL);
}

KeeperBirth birth_below(int socket) noexcept {
  KeeperBirth birth;
  constexpr int patience = 20'000;  // ms; only ever catches a keeper that somebody has stopped
  if (!readable(socket, patience)) {
    birth.error = ETIMEDOUT;
  } else if (::recv(socket, &birth, sizeof birth, MSG_DONTWAIT) !=
             static_cast<ssize_t>(sizeof birth)) {
    birth = {-1, EPIPE};  // it was killed
  }
  return birth;
}

}  // namespace

KeptSpawn spawn_kept(const SpawnPlan& plan) {
  KeptSpawn spawned;
  Preparation prepared(plan, spawned);
  // The leader does not run before all this is done: it might stop its keeper.
  const Pipe gate = make_pipe();
  prepared.becoming.gate = gate.read.get();
  prepared.becoming.gate_opener = gate.write.get();
  Sockets sockets = make_sockets();
  Keeping keeping;
  keeping.socket = sockets.keeper.get();
  keeping.hosts_socket = sockets.host.get();
  keeping.host = ::getpid();
  const pid_t pid = fork_to([&] { keep(keeping, prepared.becoming); });
  if (pid < 0) {
    fail_fork(errno);
  }
  sockets.keeper.reset();
  UniqueFd end_notice = hold_child(pid);
  const int socket = sockets.host.get();
  spawned.keeper = std::make_shared<Keeper>(pid, std::move(end_notice), std::move(sockets.host));
  tell_of_hold(socket);
  const KeeperBirth birth = birth_below(socket);
  UniqueFd leader_notice =
      birth.leader < 0 ? UniqueFd() : above_standard(open_end_notice(birth.leader));
  if (!leader_notice) {
    const boost::system::error_code error = last_error();
    spawned.keeper->end_tree();  // also of a leader that was born behind our patience
    (void)spawned.keeper->wait_for_end();
    if (birth.leader < 0) {
      fail_fork(birth.error);
    }
    throw SpawnFailed(SpawnStage::launch, error, "exit notice");
  }
  spawned.leader =
      std::make_shared<KeptLeader>(birth.leader, std::move(leader_notice), spawned.keeper);
  tell_of_hold(socket);
  (void)!::write(gate.write.get(), "", 1);
  return spawned;
}

}  // namespace treehold::inline v0::platform
