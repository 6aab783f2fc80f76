// The floor: vfork(2) by way of posix_spawn(3), a pipe, and waitpid(2). It contains nothing.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contestant.hpp"

namespace {

pid_t spawn(const char* program, const std::vector<std::string>& arguments, int output = -1,
            int input = -1) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (output >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  }
  if (input >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
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

struct Reading {
  pid_t pid;
  int from;
};

/// A child whose output comes through a pipe.
Reading spawn_reading(const char* program, const std::vector<std::string>& arguments) {
  int ends[2];
  peers::require(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
  const pid_t pid = spawn(program, arguments, ends[1]);
  ::close(ends[1]);
  return {pid, ends[0]};
}

/// Appends what there is to read. False at the end.
bool read_more(int from, std::vector<char>& buffer, std::string& kept) {
  const ssize_t count = ::read(from, buffer.data(), buffer.size());
  if (count <= 0) {
    return false;
  }
  kept.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

void wait_for(pid_t pid) {
  int status = 0;
  peers::require(::waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
}

class Raw final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& call) override {
    const pid_t pid = spawn(peers::nothing, {});
    call.stop();
    wait_for(pid);
  }

  void capture(std::size_t bytes) override {
    const auto [pid, from] = spawn_reading(peers::head, {"-c", std::to_string(bytes), "/dev/zero"});
    std::string kept;
    std::vector<char> buffer(std::size_t{64} << 10U);
    while (read_more(from, buffer, kept)) {
    }
    ::close(from);
    wait_for(pid);
    peers::require(kept.size() == bytes, "size");
  }

  void lines(std::size_t count) override {
    const auto [pid, from] =
        spawn_reading(peers::shell, {"-c", peers::line_script, "sh", std::to_string(count)});
    std::vector<char> buffer(std::size_t{64} << 10U);
    std::size_t kept = 0;
    std::size_t taken = 0;
    for (;;) {
      const ssize_t some = ::read(from, buffer.data() + kept, buffer.size() - kept);
      if (some <= 0) {
        break;
      }
      std::string_view rest(buffer.data(), kept + static_cast<std::size_t>(some));
      for (std::size_t end = rest.find('\n'); end != std::string_view::npos;
           end = rest.find('\n')) {
        taken += rest.substr(0, end).size() == peers::line_size ? 1U : 0U;
        rest.remove_prefix(end + 1);
      }
      kept = rest.size();
      std::memmove(buffer.data(), rest.data(), kept);
    }
    ::close(from);
    wait_for(pid);
    peers::require(taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    int to[2];
    int from[2];
    peers::require(::pipe2(to, O_CLOEXEC) == 0 && ::pipe2(from, O_CLOEXEC) == 0, "pipe");
    const pid_t pid = spawn(peers::cat, {}, from[1], to[0]);
    ::close(to[0]);
    ::close(from[1]);
    ::fcntl(to[1], F_SETFL, O_NONBLOCK);
    std::string kept;
    std::string_view rest = bytes;
    std::vector<char> buffer(std::size_t{64} << 10U);
    for (;;) {
      if (rest.empty() && to[1] >= 0) {
        ::close(std::exchange(to[1], -1));
      }
      pollfd ready[2] = {{from[0], POLLIN, 0}, {to[1], POLLOUT, 0}};
      ::poll(ready, 2, -1);
      if (ready[1].revents != 0) {
        const ssize_t count = ::write(to[1], rest.data(), rest.size());
        rest.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
      }
      if (ready[0].revents != 0 && !read_more(from[0], buffer, kept)) {
        break;
      }
    }
    ::close(from[0]);
    wait_for(pid);
    peers::require(kept.size() == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    std::vector<pid_t> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(spawn(peers::nothing, {}));
    }
    for (const pid_t pid : all) {
      wait_for(pid);
    }
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      held_.push_back(spawn(peers::sleep, {peers::sleep_seconds}));
    }
  }

  void release() override {
    for (const pid_t pid : held_) {
      ::kill(pid, SIGKILL);
    }
    for (const pid_t pid : held_) {
      peers::require(::waitpid(pid, nullptr, 0) == pid, "waitpid");
    }
    held_.clear();
  }

 private:
  std::vector<pid_t> held_;
};

}  // namespace

int main() {
  Raw raw;
  return peers::serve(raw);
}
