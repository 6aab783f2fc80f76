// Writing without a signal to the host.
#pragma once

#include <sys/types.h>

#include <string_view>

namespace treehold::inline v0::platform {

/// write(2) that raises neither SIGPIPE nor SIGXFSZ: files and pipes know no MSG_NOSIGNAL, and the
/// dispositions are the host's own. EPIPE and EFBIG remain.
[[nodiscard]] ssize_t write_quietly(int fd, std::string_view bytes) noexcept;

}  // namespace treehold::inline v0::platform
