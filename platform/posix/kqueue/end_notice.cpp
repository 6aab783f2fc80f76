// The end of a child as a descriptor, by kqueue(2): macOS and the BSDs. A kqueue is readable from
// then on, since its event is never taken from it.
#include <fcntl.h>
#include <sys/event.h>
#include <sys/time.h>

#include <cerrno>

#include "platform/posix/portable/system.hpp"
#include "platform/posix/system.hpp"

namespace treehold::inline v0::platform {
namespace {

bool add(int queue, uintptr_t identity, short filter, unsigned short flags,
         unsigned int notes) noexcept {
  struct kevent change {};
  change.ident = identity;
  change.filter = filter;
  change.flags = flags;
  change.fflags = notes;
  return ::kevent(queue, &change, 1, nullptr, 0, nullptr) == 0;
}

}  // namespace

UniqueFd open_end_notice(pid_t pid) noexcept {
  UniqueFd queue(::kqueue());
  if (!queue || ::fcntl(queue.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return UniqueFd();
  }
  if (add(queue.get(), static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD, NOTE_EXIT)) {
    return queue;
  }
  // It has ended already, and macOS does not find zombies: an event of our own says so.
  if (errno == ESRCH && add(queue.get(), 0, EVFILT_USER, EV_ADD, 0) &&
      add(queue.get(), 0, EVFILT_USER, 0, NOTE_TRIGGER)) {
    return queue;
  }
  return UniqueFd();
}

/// A fork has no kqueue of its parent's.
bool end_notices_are_inherited() noexcept {
  return false;
}

}  // namespace treehold::inline v0::platform
