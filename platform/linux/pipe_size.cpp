#include "platform/posix/pipe_size.hpp"

#include <fcntl.h>

namespace treehold::inline v0::platform {

void widen_pipe(int pipe) noexcept {
  constexpr int wide = 1 << 20;  // the default of /proc/sys/fs/pipe-max-size
  (void)::fcntl(pipe, F_SETPIPE_SZ, wide);
}

}  // namespace treehold::inline v0::platform
