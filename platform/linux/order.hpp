// What the host orders of a newborn child beside posix/child_order.hpp, and of its helper program.
//
// A child that shares the host's memory finds the order there. To the helper program it travels in
// the helper's own arguments, where the kernel copies it anyway:
//
//     argv[0]  "treehold-agent"
//     argv[1]  "launch"
//     argv[2]  LaunchOrder, in hexadecimal
//     argv[3]  working directory, or empty
//     argv[4]  file for standard input, [5] output, [6] error; or empty
//     argv[7]  supplementary groups as 8 hexadecimal digits each, or empty
//     argv[8]  CPU mask in hexadecimal, or empty
//     argv[9]  the program to execute
//     argv[10] and on: its argv; the helper's environment is the program's
//
// A helper that has the program's process born in its leaf, and ends then, sends an AgentBirth over
// a socket, with the pidfd (SCM_RIGHTS, unix(7)) of a process that was born.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../posix/child_order.hpp"

namespace treehold::inline v0::platform {

/// Changes whenever anything in this file does: host and helper must be of one build.
inline constexpr std::uint32_t agent_protocol = 0x74680008;

struct AgentBirth {
  std::int32_t pid = -1;
  std::int32_t error = 0;  ///< errno of the clone where there is none
};

inline constexpr std::size_t agent_entrances = 8;

struct LaunchOrder : ChildOrder {
  std::uint32_t protocol = agent_protocol;
  std::int32_t leaf = -1;      ///< directory of the cgroup to be born in; -1: none
  std::int32_t handover = -1;  ///< socket for the AgentBirth; a keeper's for the news, too
  std::int32_t host = -1;      ///< its pidfd, for a keeper
  std::int32_t guardian = -1;  ///< its socket, to be told of the process group that is led; or -1
  std::int32_t process_count = -1;   ///< pids.current of the group joined; -1: none
  std::uint64_t guarded_as = 0;      ///< GuardMessage::serial
  std::uint64_t most_processes = 0;  ///< above this many the child gives up
  std::uint32_t entrance_count = 0;
  std::int32_t entrances[agent_entrances] = {};  ///< files of cgroups: writing "0" joins them
  std::uint8_t no_new_privileges = 0;
  std::uint8_t set_oom_score = 0;
  std::int32_t oom_score = 0;
};

// -- The keeper ----------------------------------------------------------------------------------
//
// Its arguments are those above, but argv[1] is "keep". It has the program's process born as a
// child of its own, sends the AgentBirth, and stays. Over the same socket it sends KeeperNews
// (posix/keeper_news.hpp): when the leader has ended, and, as its last word, when the tree has. It
// ends the tree when the host stops sending (shutdown(2)), and when the host has gone.

// -- The probe -----------------------------------------------------------------------------------
//
//     argv[0]  "treehold-agent"
//     argv[1]  "probe"
//     argv[2]  ProbeOrder, in hexadecimal
//
// It has a child born in a cgroup, which ends at once, and sends an AgentBirth: an error where that
// child was not born, or was killed.

struct ProbeOrder {
  std::uint32_t protocol = agent_protocol;
  std::int32_t leaf = -1;      ///< directory of the cgroup
  std::int32_t handover = -1;  ///< socket
};

// -- The guardian --------------------------------------------------------------------------------
//
//     argv[0]  "treehold-agent"
//     argv[1]  "guard"
//     argv[2]  GuardOrder, in hexadecimal
//
// It sends an AgentBirth over its control socket, with its own pidfd, and then takes GuardMessages
// from there, each with the descriptors it names. To those about groups but `forget` it answers
// with a GuardReply. A process that leads a process group tells of itself before it becomes the
// program, so that there is no moment in which only the host knows it.

struct GuardOrder {
  std::uint32_t protocol = agent_protocol;
  std::int32_t control = -1;  ///< socket, one of a pair
  std::int32_t host = -1;     ///< pidfd of the host
};

enum class GuardVerb : std::uint8_t {
  watch,  ///< with the descriptor of its parent: to be ended when the host has gone; and one of the
          ///< group itself, which stays open, and with it the lock that the host holds by it
  beside,  ///< with that of its parent: as `watch`, but a group of version 1: removed when the one
           ///< of the same name that is watched is gone
  end,     ///< with that of its parent: to be ended now
  forget,  ///< without one: is gone; also what lies beside
  lead,  ///< with the pidfd of a process: leads a process group, which is to be ended when the host
         ///< has gone, with what is below its leader
  leave,  ///< without one: that process group is gone
};

/// The names of groups that treehold makes are shorter.
inline constexpr std::size_t guarded_name_size = 32;

struct GuardMessage {
  GuardVerb verb = GuardVerb::watch;
  std::int32_t number = 0;   ///< of the leader
  std::uint64_t serial = 0;  ///< of a process group: numbers are given again
  char name[guarded_name_size] = {};
};

struct GuardReply {
  std::int32_t error = 0;  ///< errno
};

}  // namespace treehold::inline v0::platform
