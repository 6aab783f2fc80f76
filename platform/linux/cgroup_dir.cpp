#include "platform/linux/cgroup_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
constexpr mode_t directory_mode = 0755;

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

UniqueFd open_directory_at(int parent, const char* name) {
  UniqueFd fd(::openat(parent, name, directory_flags));
  if (!fd && errno == EACCES && ::fchmodat(parent, name, directory_mode, 0) == 0) {
    fd.reset(::openat(parent, name, directory_flags));
  }
  return fd;
}

/// The names of sub-groups. Reads through a duplicate, since a DIR owns its descriptor.
std::vector<std::string> children_of(int fd) {
  std::vector<std::string> names;
  UniqueFd again(::openat(fd, ".", directory_flags));
  if (!again && errno == EACCES && ::fchmod(fd, directory_mode) == 0) {
    again.reset(::openat(fd, ".", directory_flags));
  }
  if (!again) {
    return names;
  }
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(again.get()));
  if (!directory) {
    return names;
  }
  (void)again.release();
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_type == DT_DIR && std::strcmp(entry->d_name, ".") != 0 &&
        std::strcmp(entry->d_name, "..") != 0) {
      names.emplace_back(entry->d_name);
    }
  }
  return names;
}

std::vector<ProcessId> numbers_in(std::string_view text) {
  std::vector<ProcessId> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    ProcessId number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc() && number > 0) {
      numbers.push_back(number);
    }
    at = std::find(next, end, '\n');
    at += at < end ? 1 : 0;
  }
  return numbers;
}

/// The descriptor in reserve.
struct Spare {
  std::mutex mutex;
  UniqueFd fd;

  /// Whether giving it up makes room: not where the limit was lowered below it.
  [[nodiscard]] bool helps() const noexcept {
    rlimit limit{};
    return fd && ::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
           static_cast<rlim_t>(fd.get()) < limit.rlim_cur;
  }

  static Spare& instance() {
    static auto* const spare = new Spare;  // never destroyed: static groups may end after it
    return *spare;
  }
};

/// A file of a group, open for a moment: in the place of the spare descriptor where there is no
/// other.
class BriefFile {
 public:
  BriefFile(const CgroupDir& group, const char* name, int flags)
      : group_(group), file_(group.open_file(name, flags)) {
    if (!file_ && (errno == EMFILE || errno == ENFILE)) {
      Spare& spare = Spare::instance();
      lock_ = std::unique_lock(spare.mutex);
      if (spare.helps()) {
        spare.fd.reset();
        file_ = group.open_file(name, flags);
      }
    }
  }
  ~BriefFile() {
    const int error = errno;
    // In one step, so that nobody else can take the place.
    if (lock_ && file_ && ::dup3(group_.fd(), file_.get(), O_CLOEXEC) >= 0) {
      Spare::instance().fd = std::move(file_);
    }
    errno = error;
  }
  BriefFile(const BriefFile&) = delete;
  BriefFile& operator=(const BriefFile&) = delete;

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(file_); }
  [[nodiscard]] int get() const noexcept { return file_.get(); }

 private:
  const CgroupDir& group_;
  std::unique_lock<std::mutex> lock_;
  UniqueFd file_;
};

/// Calls `visit` with `group` and with every group below it.
template <class Visit>
void for_each_group(const CgroupDir& group, Visit& visit) {
  visit(group);
  for (const std::string& name : children_of(group.fd())) {
    if (const CgroupDir child = group.open_child(name)) {
      for_each_group(child, visit);
    }
  }
}

std::vector<ProcessId> direct_processes(const CgroupDir& group) {
  const std::optional<std::string> text = group.read("cgroup.procs");
  return text ? numbers_in(*text) : std::vector<ProcessId>();
}

std::size_t signal_direct(const CgroupDir& group, int native_signal) {
  constexpr std::size_t batch = 128;  // descriptors held at one time
  std::size_t sent = 0;
  const std::vector<ProcessId> processes = direct_processes(group);
  for (std::size_t begin = 0; begin < processes.size(); begin += batch) {
    std::vector<std::pair<ProcessId, UniqueFd>> held;
    for (std::size_t i = begin; i < std::min(begin + batch, processes.size()); ++i) {
      UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, processes[i], 0)));
      if (pidfd) {
        held.emplace_back(processes[i], std::move(pidfd));
      }
    }
    // Still listed after the descriptor was taken: the descriptor is of a process of this group.
    std::vector<ProcessId> listed = direct_processes(group);
    std::sort(listed.begin(), listed.end());
    for (const auto& [pid, pidfd] : held) {
      if (std::binary_search(listed.begin(), listed.end(), pid) &&
          ::syscall(SYS_pidfd_send_signal, pidfd.get(), native_signal, nullptr, 0) == 0) {
        ++sent;
      }
    }
  }
  return sent;
}

/// Removes one group that has no other below it, the first that is found below `parent`/`name` or
/// that one itself. The walk holds two descriptors however deep a hostile tree may be.
enum class Removal { removed_below, removed, failed };
Removal remove_deepest(int parent, const std::string& name) noexcept {
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
    return Removal::removed;
  }
  try {
    UniqueFd above;
    int above_fd = parent;
    std::string current = name;
    bool below = false;
    for (;;) {
      UniqueFd here = open_directory_at(above_fd, current.c_str());
      const std::vector<std::string> names =
          here ? children_of(here.get()) : std::vector<std::string>();
      if (names.empty()) {
        break;
      }
      bool removed_one = false;
      for (const std::string& child : names) {
        removed_one |= ::unlinkat(here.get(), child.c_str(), AT_REMOVEDIR) == 0;
      }
      if (removed_one) {
        return Removal::removed_below;
      }
      above = std::move(here);
      above_fd = above.get();
      current = names.front();
      below = true;
    }
    return below && ::unlinkat(above_fd, current.c_str(), AT_REMOVEDIR) == 0
               ? Removal::removed_below
               : Removal::failed;
  } catch (...) {  // no memory: the caller tries again
    return Removal::failed;
  }
}

}  // namespace

CgroupDir CgroupDir::open(const std::string& path) {
  return CgroupDir(above_standard(UniqueFd(::open(path.c_str(), directory_flags))));
}

CgroupDir CgroupDir::make_child(const std::string& name) const {
  if (::mkdirat(fd(), name.c_str(), directory_mode) != 0) {
    return {};
  }
  CgroupDir child = open_child(name);
  if (!child) {  // no descriptor left
    const int error = errno;
    ::unlinkat(fd(), name.c_str(), AT_REMOVEDIR);
    errno = error;
  }
  return child;
}

CgroupDir CgroupDir::open_child(const std::string& name) const {
  return CgroupDir(above_standard(open_directory_at(fd(), name.c_str())));
}

std::vector<std::string> CgroupDir::children() const {
  return children_of(fd());
}

UniqueFd CgroupDir::open_file(const char* name, int flags) const {
  constexpr mode_t file_mode = 0644;
  UniqueFd file(::openat(fd(), name, flags | O_CLOEXEC));
  if (!file && errno == EACCES && ::fchmod(fd(), directory_mode) == 0) {
    (void)::fchmodat(fd(), name, file_mode, 0);
    file.reset(::openat(fd(), name, flags | O_CLOEXEC));
  }
  return file;
}

std::optional<std::string> CgroupDir::read(const char* name) const {
  const BriefFile file(*this, name, O_RDONLY);
  return file ? read_all(file.get()) : std::nullopt;
}

bool CgroupDir::write(const char* name, const char* value) const noexcept {
  const BriefFile file(*this, name, O_WRONLY);
  const std::size_t length = std::strlen(value);
  return file && ::write(file.get(), value, length) == static_cast<ssize_t>(length);
}

std::optional<CgroupDir::Events> CgroupDir::events() const noexcept {
  char buffer[256];  // two lines of less than 16 bytes, and what later kernels may add
  const std::string_view text = read_short(events_, "cgroup.events", buffer);
  if (text.empty()) {
    const bool gone = errno == ENOENT || errno == ENODEV;
    return gone ? std::nullopt : std::optional(Events{true, false});
  }
  const auto holds = [text](std::string_view key) {
    const std::size_t at = text.find(key);
    return at != std::string_view::npos && text.substr(at + key.size(), 1) == "1";
  };
  return Events{holds("populated "), holds("frozen ")};
}

bool CgroupDir::is_domain() const noexcept {
  char buffer[32];
  return read_short(type_, "cgroup.type", buffer) == "domain\n";
}

void CgroupDir::keep_files_open() noexcept {
  if (!events_) {
    events_ = above_standard(open_file("cgroup.events", O_RDONLY));
  }
  if (!type_) {
    type_ = above_standard(open_file("cgroup.type", O_RDONLY));
  }
}

std::string_view CgroupDir::read_short(const UniqueFd& kept, const char* name,
                                       std::span<char> buffer) const noexcept {
  const auto read = [buffer](int file) {
    errno = 0;  // an empty file says nothing of the group being gone
    const ssize_t count = ::pread(file, buffer.data(), buffer.size(), 0);
    return std::string_view(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  };
  if (kept) {
    return read(kept.get());
  }
  const BriefFile file(*this, name, O_RDONLY);
  return file ? read(file.get()) : std::string_view();
}

void CgroupDir::keep_spare_descriptor() const noexcept {
  Spare& spare = Spare::instance();
  const std::lock_guard lock(spare.mutex);
  if (!spare.fd) {
    spare.fd.reset(::fcntl(fd(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  }
}

std::vector<ProcessId> CgroupDir::processes() const {
  std::vector<ProcessId> all;
  auto collect = [&all](const CgroupDir& group) {
    const std::vector<ProcessId> here = direct_processes(group);
    all.insert(all.end(), here.begin(), here.end());
  };
  for_each_group(*this, collect);
  return all;
}

std::size_t CgroupDir::signal_processes(int native_signal) const {
  std::size_t sent = 0;
  auto signal = [&](const CgroupDir& group) { sent += signal_direct(group, native_signal); };
  for_each_group(*this, signal);
  return sent;
}

bool CgroupDir::remove_child(const std::string& name) const noexcept {
  for (;;) {
    switch (remove_deepest(fd(), name)) {
      case Removal::removed: return true;
      case Removal::failed: return false;
      case Removal::removed_below: break;
    }
  }
}

}  // namespace treehold::inline v0::platform
