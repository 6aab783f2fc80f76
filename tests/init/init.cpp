// Runs a command and, until it has ended, reaps every orphan it leaves:
//
//     treehold_test_init COMMAND [ARGUMENT...]
//
// The tests leave thousands. Where the first process of the machine or of the container is slow to
// reap them, or never does, their zombies fill the table of processes, and every look at it takes
// longer.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: treehold_test_init COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    std::perror("prctl");
    return 2;
  }
  const pid_t self = ::getpid();
  const pid_t command = ::fork();
  if (command < 0) {
    std::perror("fork");
    return 2;
  }
  if (command == 0) {
    // A run that takes too long is killed here; it must not go on without anyone to tell.
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == self) {
      (void)::execvp(argv[1], argv + 1);
      std::perror(argv[1]);
    }
    ::_exit(127);
  }
  for (;;) {
    int status = 0;
    const pid_t ended = ::wait(&status);
    if (ended == command) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (ended < 0 && errno != EINTR) {
      std::perror("wait");
      return 2;
    }
  }
}
