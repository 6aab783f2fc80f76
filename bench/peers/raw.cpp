// The floor: vfork(2) by way of posix_spawn(3), a pipe, and waitpid(2). It contains nothing.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

#include "contestant.hpp"

namespace {

pid_t spawn(const char* program, const std::vector<std::string>& arguments, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (output >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  }
  std::vector<char*> argv{const_cast<char*>(program)};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  pid_t pid = -1;
  peers::require(::posix_spawn(&pid, program, &actions, nullptr, argv.data(), environ) == 0,
                 "posix_spawn");
  ::posix_spawn_file_actions_destroy(&actions);
  return pid;
}

void wait_for(pid_t pid) {
  int status = 0;
  peers::require(::waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

class Raw final : public peers::Contestant {
 public:
  void start() override { wait_for(spawn(peers::nothing, {}, -1)); }

  void capture(std::size_t bytes) override {
    int ends[2];
    peers::require(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    const pid_t pid = spawn(peers::head, {"-c", std::to_string(bytes), "/dev/zero"}, ends[1]);
    ::close(ends[1]);
    std::string kept;
    std::vector<char> buffer(std::size_t{64} << 10U);
    for (;;) {
      const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
      if (count <= 0) {
        break;
      }
      kept.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    wait_for(pid);
    peers::require(kept.size() == bytes, "size");
  }

  void many(std::size_t count) override {
    std::vector<pid_t> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(spawn(peers::nothing, {}, -1));
    }
    for (const pid_t pid : all) {
      wait_for(pid);
    }
  }
};

}  // namespace

int main() {
  Raw raw;
  return peers::serve(raw);
}
