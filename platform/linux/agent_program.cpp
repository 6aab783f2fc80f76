#include "platform/linux/agent_program.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <mutex>
#include <string>

#include <treehold/error.hpp>

#include "platform/posix/unique_fd.hpp"

extern "C" {
extern const unsigned char treehold_agent_image_begin[];
extern const unsigned char treehold_agent_image_end[];
}

namespace treehold::inline v0::platform {
namespace {

std::string_view image() {
  return {reinterpret_cast<const char*>(treehold_agent_image_begin),
          static_cast<std::size_t>(treehold_agent_image_end - treehold_agent_image_begin)};
}

/// The installed copy, byte for byte the embedded one: another build might not understand our
/// orders.
UniqueFd installed_copy() {
#ifdef TREEHOLD_AGENT_PATH
  UniqueFd file(::open(TREEHOLD_AGENT_PATH, O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::size_t>(status.st_size) != image().size() ||
      (status.st_mode & S_IXOTH) == 0) {
    return UniqueFd();
  }
  std::string content(image().size(), '\0');
  const auto count = ::pread(file.get(), content.data(), content.size(), 0);
  if (count != static_cast<ssize_t>(content.size()) || content != image()) {
    return UniqueFd();
  }
  return file;
#else
  return UniqueFd();
#endif
}

UniqueFd memory_copy() {
  constexpr unsigned executable =
      0x0010U;  // MFD_EXEC, Linux 6.3: wanted where vm.memfd_noexec is 1
  UniqueFd file(::memfd_create("treehold-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING | executable));
  if (!file && errno == EINVAL) {
    file.reset(::memfd_create("treehold-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  }
  if (!file) {
    return file;
  }
  const std::string_view bytes = image();
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return UniqueFd();
  }
  (void)::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

}  // namespace

int agent_program() {
  static std::mutex mutex;
  static UniqueFd program;
  const std::lock_guard lock(mutex);
  if (!program) {
    UniqueFd found = installed_copy();
    if (!found) {
      found = memory_copy();
    }
    found = above_standard(std::move(found));
    if (!found) {
      throw SpawnFailed(SpawnStage::launch, last_error(), "treehold-agent");
    }
    program = std::move(found);
  }
  return program.get();
}

}  // namespace treehold::inline v0::platform
