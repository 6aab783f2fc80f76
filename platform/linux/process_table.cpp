#include "platform/linux/process_table.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string_view>

#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::optional<pid_t> whole_number(std::string_view name) {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? std::optional(number)
                                                                  : std::nullopt;
}

/// Calls `visit` with each entry of `path` whose name is a number.
template <class Visit>
void for_each_number(const std::string& path, Visit visit) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) {
    return;
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    if (const std::optional<pid_t> number = whole_number(entry->d_name)) {
      visit(*number);
    }
  }
}

std::string process_path(pid_t pid, std::string_view file) {
  return "/proc/" + std::to_string(pid) + "/" + std::string(file);
}

/// The fields of a stat file behind the name, which may itself hold blanks and parentheses.
std::vector<std::string_view> fields_behind_name(std::string_view stat) {
  std::vector<std::string_view> fields;
  std::size_t at = stat.rfind(')');
  if (at == std::string_view::npos) {
    return fields;
  }
  ++at;
  while (at < stat.size()) {
    at = stat.find_first_not_of(" \n", at);
    if (at == std::string_view::npos) {
      break;
    }
    const std::size_t end = std::min(stat.find_first_of(" \n", at), stat.size());
    fields.push_back(stat.substr(at, end - at));
    at = end;
  }
  return fields;
}

int number(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// `process`: its number, or "self".
std::vector<pid_t> children_of(const std::string& process) {
  std::vector<pid_t> children;
  const std::string tasks = "/proc/" + process + "/task";
  for_each_number(tasks, [&](pid_t thread) {
    const auto list = read_file(tasks + "/" + std::to_string(thread) + "/children");
    std::string_view rest = list ? std::string_view(*list) : std::string_view();
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      children.push_back(number(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  });
  std::erase_if(children, [](pid_t child) { return child <= 0; });
  return children;
}

}  // namespace

void for_each_process(const std::function<void(pid_t)>& visit) {
  const UniqueFd directory(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return;
  }
  // readdir(3) asks for a thousand at a time, some of which have ended when their turn comes. The
  // kernel goes on by the number, so that few at a time miss nobody whom many would not.
  alignas(dirent64) char few[256];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, directory.get(), few, sizeof few);
    if (size <= 0) {
      return;
    }
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(few + at);
      at += entry->d_reclen;
      if (const std::optional<pid_t> pid = whole_number(entry->d_name)) {
        visit(*pid);
      }
    }
  }
}

std::optional<ProcessRecord> read_process(pid_t pid) {
  const std::optional<std::string> stat = read_file(process_path(pid, "stat"));
  if (!stat) {
    return std::nullopt;
  }
  const std::vector<std::string_view> fields = fields_behind_name(*stat);
  const std::size_t open = stat->find('(');
  if (fields.size() < 3 || open == std::string::npos) {
    return std::nullopt;
  }
  ProcessRecord record;
  record.pid = pid;
  record.state = fields[0].front();
  record.parent = number(fields[1]);
  record.process_group = number(fields[2]);
  constexpr std::size_t start_time = 22 - 3;  // proc(5) counts from 1, and this from the third
  if (fields.size() > start_time) {
    std::from_chars(fields[start_time].data(),
                    fields[start_time].data() + fields[start_time].size(), record.birth);
  }
  record.name = stat->substr(open + 1, stat->rfind(')') - open - 1);
  return record;
}

bool is_alive(const ProcessRecord& process) {
  if (process.state != 'Z' && process.state != 'X') {
    return true;
  }
  bool other_thread = false;
  for_each_number(process_path(process.pid, "task"), [&](pid_t thread) {
    if (thread == process.pid || other_thread) {
      return;
    }
    const auto stat = read_file("/proc/" + std::to_string(process.pid) + "/task/" +
                                std::to_string(thread) + "/stat");
    if (stat) {
      const auto fields = fields_behind_name(*stat);
      other_thread = !fields.empty() && fields[0] != "Z" && fields[0] != "X";
    }
  });
  return other_thread;
}

ProcessGroupCensuses census_of_process_groups(const std::set<pid_t>& groups) {
  ProcessGroupCensuses censuses;
  for (const pid_t group : groups) {
    censuses.emplace(group, ProcessGroupCensus());
  }
  bool complete = true;
  for_each_process([&](pid_t pid) {
    // Asked for first since it is so much quicker than the record: hardly anybody ends meanwhile.
    const pid_t group = ::getpgid(pid);
    const auto found = censuses.find(group);
    if (found == censuses.end()) {
      complete = complete && group >= 0;
      return;
    }
    std::optional<ProcessRecord> record = read_process(pid);
    if (!record) {
      complete = false;
      return;
    }
    if (is_alive(*record)) {
      found->second.living.push_back(std::move(*record));
    } else {
      found->second.zombies.push_back(pid);
    }
  });
  for (auto& [group, census] : censuses) {
    census.complete = complete;  // whoever vanished may have been of any group
  }
  return censuses;
}

std::optional<int> zombie_wait_status(pid_t pid) {
  const std::optional<std::string> stat = read_file(process_path(pid, "stat"));
  if (!stat) {
    return std::nullopt;
  }
  const std::vector<std::string_view> fields = fields_behind_name(*stat);
  constexpr std::size_t exit_code =
      52 - 3;  // proc(5) counts from 1 and the first field here is the third
  if (fields.size() <= exit_code || fields[0] != "Z") {
    return std::nullopt;
  }
  // The kernel shows 0 to those who may not look, which is no answer. Reading a namespace link
  // needs the very same permission (PTRACE_MODE_READ_FSCREDS) and a zombie still has its user
  // namespace.
  char link[64];
  if (::readlink(process_path(pid, "ns/user").c_str(), link, sizeof link) < 0) {
    return std::nullopt;
  }
  return number(fields[exit_code]);
}

bool adopts_orphans() noexcept {
  int subreaper = 0;
  (void)::prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  return subreaper != 0 || ::getpid() == 1;
}

bool lists_children() noexcept {
  return ::access("/proc/thread-self/children", R_OK) == 0;
}

std::vector<pid_t> own_children() {
  return children_of("self");
}

void reap_orphans(pid_t group) {
  for (const pid_t child : own_children()) {
    const std::optional<ProcessRecord> process = read_process(child);
    if (child != group && process && process->process_group == group) {
      siginfo_t info{};
      (void)::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | __WALL);
    }
  }
}

std::vector<ProcessRecord> living_below(const std::set<pid_t>& roots) {
  std::vector<pid_t> found;
  std::set<pid_t> known = roots;
  const auto add_children = [&](pid_t of) {
    for (const pid_t child : children_of(std::to_string(of))) {
      if (known.insert(child).second) {
        found.push_back(child);
      }
    }
  };
  const auto add_children_of_roots = [&] {
    std::for_each(roots.begin(), roots.end(), add_children);
  };
  // Whoever is orphaned behind our look is a child of the reaper by the end of it.
  std::size_t next = 0;
  add_children_of_roots();
  while (next < found.size()) {
    add_children(found[next++]);
    if (next == found.size()) {
      add_children_of_roots();
    }
  }
  std::vector<ProcessRecord> living;
  for (const pid_t pid : found) {
    std::optional<ProcessRecord> record = read_process(pid);
    if (record && known.count(record->parent) > 0 && is_alive(*record)) {
      living.push_back(std::move(*record));
    }
  }
  return living;
}

UniqueFd open_below(pid_t reaper, const ProcessRecord& process) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  const std::optional<ProcessRecord> now = pidfd ? read_process(process.pid) : std::nullopt;
  const bool same = now && (now->parent == process.parent || now->parent == reaper);
  return same ? std::move(pidfd) : UniqueFd();
}

bool is_in_cgroup(pid_t pid, const std::string& path) {
  // The line of the group itself, of one below it, or of it when it has been removed.
  const auto is_within = [&path](std::string_view line) {
    constexpr std::string_view hierarchy = "0::";
    if (line.substr(0, hierarchy.size()) != hierarchy) {
      return false;
    }
    line.remove_prefix(hierarchy.size());
    if (line.substr(0, path.size()) != path) {
      return false;
    }
    line.remove_prefix(path.size());
    return line.empty() || line.front() == '/' || line == " (deleted)";
  };
  const auto cgroup = read_file(process_path(pid, "cgroup"));
  std::string_view rest = cgroup ? std::string_view(*cgroup) : std::string_view();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (is_within(rest.substr(0, end))) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace treehold::inline v0::platform
