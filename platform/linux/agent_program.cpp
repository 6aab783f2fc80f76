#include "platform/linux/agent_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/// For `execveat(fd, "", …, AT_EMPTY_PATH)`, opened on first use and kept for the life of the
/// process.
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

}  // namespace

AgentStart start_agent(const std::vector<const char*>& argv,
                       const std::vector<const char*>& environment, const std::vector<int>& kept) {
  HelperStart start;
  start.kept = kept.data();
  start.kept_count = kept.size();
  start.program = agent_program();
  start.argv = argv.data();
  start.environment = environment.data();
  ChildStack stack;
  AgentStart started;
  started.agent =
      clone_sharing_memory(stack, &child_executes_helper, &start, Waiting::until_exec, nullptr);
  if (started.agent.pid < 0) {
    started.error = errno;
  } else if (start.error != 0) {
    reap(started.agent);
    started.error = start.error;
  }
  return started;
}

void end_agent(const AgentStart& started) {
  ::syscall(SYS_pidfd_send_signal, started.agent.pidfd.get(), SIGKILL, nullptr, 0);
  reap(started.agent);
}

std::string hexadecimal(const void* data, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::string text(2 * size, '0');
  for (std::size_t i = 0; i < size; ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text;
}

}  // namespace treehold::inline v0::platform
