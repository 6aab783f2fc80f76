// Hosts that have started programs as people run them: daemons, servers and builds, which are trees
// of their own kind. Their test kills them.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "host.hpp"
#include "linux/scenarios.hpp"
#include "support.hpp"

namespace support {
namespace {

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using treehold::Command;
using treehold::Process;
using treehold::ProcessGroup;

/// Where tests/programs/fetch.sh has put them.
fs::path programs() {
  const char* const folder = std::getenv("TREEHOLD_TEST_PROGRAMS");
  return folder != nullptr ? folder : "/";
}

/// A program of the system, or else of that folder with its libraries.
Command program(const std::string& name, const std::vector<std::string>& arguments) {
  const fs::path libraries = programs() / "usr/lib" / TREEHOLD_TEST_MULTIARCH;
  for (const fs::path& root : {fs::path("/"), programs()}) {
    for (const char* place :
         {"usr/lib/chromium", "usr/lib/postgresql/15/bin", "usr/sbin", "usr/bin"}) {
      std::error_code ignored;
      if (fs::exists(root / place / name, ignored)) {
        return Command(root / place / name, arguments)
            .env("LD_LIBRARY_PATH", libraries.string() + ":" + (libraries / "pulseaudio").string());
      }
    }
  }
  throw SkipHost{name + " is not here"};
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// In its daemon mode: a master and two workers.
void start_nginx(Host& host, ProcessGroup& group, const fs::path& place) {
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    temporary += std::string(kind) + "_temp_path " + (place / kind).string() + "; ";
  }
  write_file(place / "nginx.conf",
             "worker_processes 2; error_log " + (place / "errors").string() + "; pid " +
                 (place / "pid").string() + "; events {} http { access_log off; " + temporary +
                 "server { listen unix:" + (place / "socket").string() + "; } }");
  EXPECT(group.exit_code(program("nginx", {"-p", place, "-c", place / "nginx.conf"})) == 0);
  EXPECT(wait_until([&] { return group.members().size() == 3; }));
}

void start_redis(Host& host, ProcessGroup& group, const fs::path& place) {
  EXPECT(group.exit_code(program("redis-server",
                                 {"--port", "0", "--unixsocket", place / "socket", "--dir", place,
                                  "--daemonize", "yes", "--logfile", place / "log"})) == 0);
  EXPECT(wait_until([&] { return fs::exists(place / "socket"); }));
  EXPECT(group.members().size() == 1);
}

/// Refuses root.
void start_postgres(Host& host, ProcessGroup& group, const fs::path& place) {
  constexpr unsigned nobody = 65534;
  const auto as_nobody = [](Command command) {
    return ::geteuid() == 0 ? command.uid(nobody).gid(nobody) : command;
  };
  if (::geteuid() == 0 && ::chown(place.c_str(), nobody, nobody) != 0) {
    throw SkipHost{"may not give a folder away"};
  }
  const Command prepare = as_nobody(program("initdb", {"-D", place / "data", "-A", "trust", "-N"}));
  const Command start =
      as_nobody(program("pg_ctl", {"start", "-w", "-D", place / "data", "-l", place / "log", "-o",
                                   "-h '' -k " + place.string()}));
  try {
    EXPECT(group.exit_code(prepare) == 0);
  } catch (const treehold::SpawnFailed& failed) {
    throw SkipHost{std::string("another user may not execute it: ") + failed.what()};
  }
  EXPECT(group.exit_code(start) == 0);
  EXPECT(group.members().size() > 3);
}

void start_agent(Host& host, ProcessGroup& group, const fs::path& place) {
  EXPECT(group.exit_code(program("ssh-agent", {"-a", place / "socket"})) == 0);
  EXPECT(group.members().size() == 1);
}

/// A browser without a window: launchers of processes, which each have a process or more.
void start_chromium(Host& host, ProcessGroup& group, const fs::path& place) {
  static Process browser = group.start(
      program("chromium-headless-shell",
              {"--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--remote-debugging-port=0", "--user-data-dir=" + place.string(), "about:blank"})
          .env("HOME", place)
          .env("TMPDIR", place)
          .stdout_null()
          .stderr_null());
  EXPECT(wait_until([&] { return fs::exists(place / "DevToolsActivePort"); }));
  EXPECT(wait_until([&] { return group.members().size() >= 5; }));
}

/// Compilers that wait for their source.
void start_build(Host& host, ProcessGroup& group, const fs::path& place) {
  (void)program("cc", {});
  write_file(place / "Makefile", "all: a b c d\na b c d:\n\tsleep 100000 | cc -x c -c - -o $@.o\n");
  static Process build = group.start(program("make", {"-j4", "-C", place}));
  const auto compilers = [&] {
    int count = 0;
    for (const treehold::ProcessId member : group.members()) {
      count += read_file("/proc/" + std::to_string(member) + "/comm") == "cc1\n" ? 1 : 0;
    }
    return count;
  };
  EXPECT(wait_until([&] { return compilers() == 4; }));
}

void start_pipeline(Host& host, ProcessGroup& group, const fs::path&) {
  for (const char* needed : {"setsid", "nohup"}) {
    (void)program(needed, {});
  }
  EXPECT(group.exit_code(Command("sh", {"-c",
                                        "sleep 100000 | cat & setsid sleep 100000 &\n"
                                        "nohup sh -c 'sleep 100000; true' >/dev/null 2>&1 &"})
                             .stdout_null()
                             .stderr_null()) == 0);
  EXPECT(wait_until([&] { return group.members().size() == 5; }));
}

using Start = void (*)(Host&, ProcessGroup&, const fs::path&);

void killed_with_program(Host& host, const std::vector<std::string>& words) {
  static const std::map<std::string, Start> starts{
      {"chromium", start_chromium}, {"nginx", start_nginx},     {"redis", start_redis},
      {"postgres", start_postgres}, {"ssh-agent", start_agent}, {"make", start_build},
      {"pipeline", start_pipeline},
  };
  ProcessGroup group;
  starts.at(words.at(1))(host, group, words.at(2));
  for (const treehold::ProcessId member : group.members()) {
    host.say("pid " + std::to_string(member));
  }
  for (const std::string& umbrella : own_umbrellas()) {
    host.say("group " + umbrella);
  }
  host.wait_to_be_killed();
}

}  // namespace

std::map<std::string, Scenario> program_scenarios() {
  return {{"killed-with-program", killed_with_program}};
}

}  // namespace support
