// Signals that treehold has no names for, and that end a process which does not handle them.
#pragma once

#include <signal.h>

namespace support {

#if defined(SIGRTMIN)
/// One of four: `which` from 0 on.
inline int rare_signal(int which) {
  return SIGRTMIN + 1 + which;
}
#else
inline int rare_signal(int which) {
  constexpr int all[] = {SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ};
  return all[which];
}
#endif

}  // namespace support
