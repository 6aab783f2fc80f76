// The system seen from outside, by handles of processes and snapshots.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "platform/windows/command_line.hpp"
#include "platform/windows/ntdll.hpp"
#include "platform/windows/unique_handle.hpp"
#include "platform/windows/wide_text.hpp"
#include "support.hpp"

// After windows.h.
#include <psapi.h>
#include <tlhelp32.h>

namespace support {

using treehold::platform::to_utf8;
using treehold::platform::to_wide;
using treehold::platform::UniqueHandle;

namespace {

std::string image_of(HANDLE process) {
  std::wstring path(32768, L'\0');
  auto size = static_cast<DWORD>(path.size());
  path.resize(::QueryFullProcessImageNameW(process, 0, path.data(), &size) != 0 ? size : 0);
  return to_utf8(path);
}

std::vector<DWORD> all_processes() {
  std::vector<DWORD> pids;
  const UniqueHandle snapshot(::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  PROCESSENTRY32W entry{};
  entry.dwSize = sizeof entry;
  for (bool found = snapshot && ::Process32FirstW(snapshot.get(), &entry) != 0; found;
       found = ::Process32NextW(snapshot.get(), &entry) != 0) {
    pids.push_back(entry.th32ProcessID);
  }
  return pids;
}

UniqueHandle open(treehold::ProcessId pid) {
  return UniqueHandle(::OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_TERMINATE | SYNCHRONIZE,
                                    FALSE, static_cast<DWORD>(pid)));
}

bool runs(HANDLE process) {
  return ::WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
}

}  // namespace

const std::string& self() {
  static const std::string path = image_of(::GetCurrentProcess());
  return path;
}

/// Those of this run are known by their program: nobody else runs this one.
bool alive(treehold::ProcessId pid) {
  const UniqueHandle process = open(pid);
  return process && runs(process.get()) && image_of(process.get()) == self();
}

std::vector<std::pair<treehold::ProcessId, std::string>> marked_processes() {
  std::vector<std::pair<treehold::ProcessId, std::string>> found;
  for (const DWORD pid : all_processes()) {
    if (pid != ::GetCurrentProcessId() && alive(pid)) {
      found.emplace_back(pid, self());
    }
  }
  return found;
}

PidWatch::PidWatch(treehold::ProcessId pid) : process_(open(pid).release()) {
  if (process_ == nullptr || dead()) {
    FAIL("process " << pid << " is not alive");
  }
}

PidWatch::~PidWatch() {
  ::CloseHandle(process_);
}

bool PidWatch::dead() const {
  return wait_dead(0ms);
}

bool PidWatch::wait_dead(std::chrono::milliseconds bound) const {
  return ::WaitForSingleObject(process_, static_cast<DWORD>(bound.count())) == WAIT_OBJECT_0;
}

void PidWatch::kill() const {
  ::TerminateProcess(process_, 1);
}

Child::Child(const std::string& name, const std::vector<std::string>& arguments) {
  SECURITY_ATTRIBUTES inheritable{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  HANDLE ends[4] = {};
  ::CreatePipe(&ends[0], &ends[1], &inheritable, 0);
  ::CreatePipe(&ends[2], &ends[3], &inheritable, 0);
  from_ = ends[0];
  to_ = ends[3];
  ::SetHandleInformation(from_, HANDLE_FLAG_INHERIT, 0);
  ::SetHandleInformation(to_, HANDLE_FLAG_INHERIT, 0);
  std::vector<std::string> words{self(), "--role=" + name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::wstring line = to_wide(treehold::platform::join_command_line(words), "role");
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdInput = ends[2];
  startup.hStdOutput = ends[1];
  startup.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
  PROCESS_INFORMATION process{};
  const BOOL made = ::CreateProcessW(to_wide(self(), "role").c_str(), line.data(), nullptr, nullptr,
                                     TRUE, 0, nullptr, nullptr, &startup, &process);
  ::CloseHandle(ends[1]);
  ::CloseHandle(ends[2]);
  if (made == 0) {
    FAIL("cannot start the role " << name);
  }
  ::CloseHandle(process.hThread);
  process_ = process.hProcess;
  pid_ = process.dwProcessId;
}

Child::~Child() {
  kill();
  close_stdin();
  ::CloseHandle(from_);
  ::CloseHandle(process_);
}

bool Child::alive() const {
  return runs(process_);
}

void Child::kill() {
  ::TerminateProcess(process_, 1);
  ::WaitForSingleObject(process_, INFINITE);
}

std::optional<std::string> Child::read_line() {
  std::string line;
  char byte = 0;
  DWORD count = 0;
  while (::ReadFile(from_, &byte, 1, &count, nullptr) != 0 && count == 1) {
    if (byte == '\n') {
      return line;
    }
    line += byte;
  }
  return line.empty() ? std::nullopt : std::optional(line);
}

void Child::close_stdin() {
  if (to_ != nullptr) {
    ::CloseHandle(std::exchange(to_, nullptr));
  }
}

std::size_t threads() {
  const UniqueHandle snapshot(::CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0));
  THREADENTRY32 entry{};
  entry.dwSize = sizeof entry;
  std::size_t count = 0;
  for (bool found = snapshot && ::Thread32First(snapshot.get(), &entry) != 0; found;
       found = ::Thread32Next(snapshot.get(), &entry) != 0) {
    count += entry.th32OwnerProcessID == ::GetCurrentProcessId() ? 1U : 0U;
  }
  return count;
}

std::size_t own_memory(const std::string& field) {
  PROCESS_MEMORY_COUNTERS counters{};
  counters.cb = sizeof counters;
  if (field != "VmRSS" ||
      ::K32GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) == 0) {
    FAIL("no answer to " << field);
  }
  return counters.WorkingSetSize;
}

std::optional<std::size_t> open_handles() {
  // The table of the whole system: GetProcessHandleCount is always 0 under Wine.
  struct Entry {
    ULONG owner;
    BYTE type;
    BYTE flags;
    USHORT value;
    void* object;
    ULONG access;
  };
  struct Table {
    ULONG count;
    Entry entries[1];
  };
  using Query = LONG(NTAPI*)(ULONG, void*, ULONG, ULONG*);
  constexpr ULONG handle_information = 16;
  constexpr auto too_small = static_cast<LONG>(0xC0000004);
  const auto query = treehold::platform::ntdll_function<Query>("NtQuerySystemInformation");
  std::vector<std::max_align_t> memory(4096);
  LONG status = 0;
  while ((status = query(handle_information, memory.data(),
                         static_cast<ULONG>(memory.size() * sizeof memory[0]), nullptr)) ==
         too_small) {
    memory.resize(2 * memory.size());
  }
  if (status < 0) {
    return std::nullopt;
  }
  const auto* const table = reinterpret_cast<const Table*>(memory.data());
  return static_cast<std::size_t>(
      std::count_if(table->entries, table->entries + table->count, [](const Entry& entry) {
        return entry.owner == static_cast<USHORT>(::GetCurrentProcessId());
      }));
}

}  // namespace support
