// The roles as Windows has them: those of the same names elsewhere do the same. A role that has
// children starts this program in another role.
#include "roles.hpp"

#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plain_roles.hpp"
#include "platform/windows/command_line.hpp"
#include "platform/windows/unique_handle.hpp"
#include "platform/windows/wide_text.hpp"
#include "support.hpp"

namespace support {

using treehold::platform::to_utf8;
using treehold::platform::to_wide;
using treehold::platform::UniqueHandle;

void put(int stream, std::string_view bytes) {
  const HANDLE handle = ::GetStdHandle(stream == 2 ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
  while (!bytes.empty()) {
    DWORD count = 0;
    const auto most = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), 1U << 20U));
    if (::WriteFile(handle, bytes.data(), most, &count, nullptr) == 0) {
      ::ExitProcess(99);
    }
    bytes.remove_prefix(count);
  }
}

std::size_t take(char* buffer, std::size_t size) {
  DWORD count = 0;
  const BOOL read = ::ReadFile(::GetStdHandle(STD_INPUT_HANDLE), buffer, static_cast<DWORD>(size),
                               &count, nullptr);
  return read != 0 ? count : 0;
}

long long own_number() {
  return ::GetCurrentProcessId();
}

void rest() {
  for (;;) {
    ::Sleep(INFINITE);
  }
}

namespace {

void wait_for_end_of_input() {
  char byte = 0;
  while (take(&byte, 1) > 0) {
  }
}

enum class Streams { shared, none };

/// Starts this program in another role; its number.
DWORD start_self(const std::string& name, const Words& arguments = {},
                 Streams streams = Streams::shared, DWORD flags = 0) {
  Words all{self(), "--role=" + name};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::wstring line = to_wide(treehold::platform::join_command_line(all), "role");
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  if (streams == Streams::none) {
    startup.dwFlags = STARTF_USESTDHANDLES;
  }
  PROCESS_INFORMATION process{};
  const BOOL inherit = streams == Streams::shared ? TRUE : FALSE;
  if (::CreateProcessW(to_wide(self(), "role").c_str(), line.data(), nullptr, nullptr, inherit,
                       flags, nullptr, nullptr, &startup, &process) == 0) {
    return 0;
  }
  const UniqueHandle thread(process.hThread);
  const UniqueHandle handle(process.hProcess);
  return process.dwProcessId;
}

// -- Ends -----------------------------------------------------------------------------------------

int leave(const Words& words) {
  ::ExitProcess(static_cast<UINT>(std::stoll(word(words, 0, "0"))));
}

int close_input(const Words& /*words*/) {
  ::CloseHandle(::GetStdHandle(STD_INPUT_HANDLE));
  say("ready");
  rest();
}

int stubborn(const Words& /*words*/) {  // hears nothing
  say("ready");
  rest();
}

int polite(const Words& /*words*/) {  // answers CTRL_BREAK with a word and exit code 7
  ::SetConsoleCtrlHandler(
      [](DWORD event) -> BOOL {
        if (event == CTRL_BREAK_EVENT) {
          put(1, "soft\n");
          ::ExitProcess(7);
        }
        return FALSE;
      },
      TRUE);
  say("ready");
  rest();
}

// -- Trees ----------------------------------------------------------------------------------------

int idle_child(const Words& words) {  // [ready]: what the roles below start
  if (word(words, 0) == "ready") {
    say("ready");
  }
  rest();
}

/// [SIZE CODE]: leaves a child that keeps standard output open, after SIZE bytes of the pattern.
int holder(const Words& words) {
  say("child " + std::to_string(start_self("idle-child")));
  put(1, pattern(number(words, 0)));
  return static_cast<int>(number(words, 1));
}

int background(const Words& /*words*/) {  // leaves a child that has let go of its streams
  say("child " + std::to_string(start_self("idle-child", {}, Streams::none)));
  return 0;
}

int with_child(const Words& words) {  // [escaped]: stays, with a child that stays
  const DWORD flags = word(words, 0) == "escaped" ? DWORD{CREATE_NEW_PROCESS_GROUP} : 0;
  const DWORD child = start_self("idle-child", {}, Streams::shared, flags);
  say("child " + std::to_string(child) + " of " + std::to_string(own_number()));
  rest();
}

int parent(const Words& words) {  // ROLE [WORD ...]: stays, with a child that plays it
  if (start_self(words.at(0), Words(words.begin() + 1, words.end())) == 0) {
    return 97;
  }
  rest();
}

int late_child(const Words& words) {  // PID: writes when that process has gone
  const UniqueHandle leader(
      ::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(number(words, 0))));
  if (leader) {
    ::WaitForSingleObject(leader.get(), INFINITE);
  }
  say("late");
  return 0;
}

int late(const Words& /*words*/) {  // leaves a child that writes when the leader has gone, and ends
  if (start_self("late-child", {std::to_string(::GetCurrentProcessId())}) == 0) {
    return 97;
  }
  say("early");
  return 0;
}

int between(const Words& words) {  // starts a child without a console, and ends
  const Streams streams = word(words, 0) == "hold" ? Streams::shared : Streams::none;
  const DWORD child = start_self("idle-child", {}, streams, DETACHED_PROCESS);
  return static_cast<int>(child);
}

int escape(const Words& words) {  // [hold|stay]: leaves a child of a child that has ended
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION process{};
  std::wstring line = to_wide(
      treehold::platform::join_command_line({self(), "--role=between", word(words, 0)}), "role");
  if (::CreateProcessW(to_wide(self(), "role").c_str(), line.data(), nullptr, nullptr, TRUE, 0,
                       nullptr, nullptr, &startup, &process) == 0) {
    return 97;
  }
  const UniqueHandle thread(process.hThread);
  const UniqueHandle handle(process.hProcess);
  ::WaitForSingleObject(handle.get(), INFINITE);
  DWORD child = 0;
  ::GetExitCodeProcess(handle.get(), &child);
  say("daemon " + std::to_string(child));
  if (word(words, 0) == "stay") {
    rest();
  }
  return 0;
}

int spawn(const Words& words) {
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    if (start_self("idle-child") == 0) {
      return 97;
    }
  }
  say("ready");
  rest();
}

int deep(const Words& words) {
  const std::size_t depth = number(words, 0);
  if (depth == 0) {
    say("ready");
  } else if (start_self("deep", {std::to_string(depth - 1)}) == 0) {
    return 97;
  }
  rest();
}

int break_away(const Words& /*words*/) {  // tries to start a child outside of its job
  const DWORD child = start_self("idle-child", {}, Streams::none, CREATE_BREAKAWAY_FROM_JOB);
  say(child == 0 ? "refused " + std::to_string(::GetLastError())
                 : "child " + std::to_string(child));
  return 0;
}

int eat(const Words& words) {
  const std::size_t size = number(words, 0);
  void* const memory = ::VirtualAlloc(nullptr, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
  if (memory == nullptr) {
    say("refused");
    return 1;
  }
  constexpr std::size_t page = 4096;
  for (std::size_t at = 0; at < size; at += page) {
    static_cast<volatile char*>(memory)[at] = 'x';
  }
  say("eaten");
  if (word(words, 1) == "and-rest") {
    rest();
  }
  return 0;
}

int work(const Words& words) {  // FILE: counts in it
  SharedCounters counters(word(words, 0));
  say("ready");
  for (;;) {
    counters.counters()[0] = counters.counters()[0] + 1;
  }
}

// -- Surroundings
// -----------------------------------------------------------------------------------

int environment(const Words& /*words*/) {
  std::string text;
  wchar_t* const block = ::GetEnvironmentStringsW();
  for (const wchar_t* variable = block; *variable != L'\0';
       variable += std::wstring_view(variable).size() + 1) {
    text += to_utf8(variable);
    text += '\0';
  }
  ::FreeEnvironmentStringsW(block);
  put(1, text);
  return 0;
}

int directory(const Words& /*words*/) {
  std::wstring path(32768, L'\0');
  path.resize(::GetCurrentDirectoryW(static_cast<DWORD>(path.size()), path.data()));
  put(1, to_utf8(path));
  return 0;
}

int window(const Words& /*words*/) {  // has a window, and ends with code 8 when it is closed
  const HWND made = ::CreateWindowExW(0, L"STATIC", L"treehold", WS_OVERLAPPEDWINDOW, 0, 0, 10, 10,
                                      nullptr, nullptr, nullptr, nullptr);
  if (made == nullptr) {
    say("no window");
    return 1;
  }
  say("ready");
  MSG message;
  while (::GetMessageW(&message, nullptr, 0, 0) > 0) {
    if (message.message == WM_CLOSE) {
      return 8;
    }
    ::DispatchMessageW(&message);
  }
  return 9;
}

/// A host that starts a tree and says its members, then waits to be killed, or ends without a word
/// to the library.
int host(const Words& words) {
  treehold::ProcessGroup group;
  treehold::Process child = group.start(plain::role("with-child"));
  (void)child.read_line(treehold::Stream::out);
  std::string line = "members";
  for (const treehold::ProcessId pid : group.members()) {
    line += " " + std::to_string(pid);
  }
  say(line);
  if (word(words, 0) == "exits") {
    wait_for_end_of_input();
    ::TerminateProcess(::GetCurrentProcess(), 3);
  }
  rest();
}

const std::map<std::string, Role>& all_roles() {
  static const std::map<std::string, Role> roles = [] {
    std::map<std::string, Role> all{
        {"background", background},
        {"between", between},
        {"break-away", break_away},
        {"close-input", close_input},
        {"deep", deep},
        {"directory", directory},
        {"eat", eat},
        {"environment", environment},
        {"escape", escape},
        {"exit", leave},
        {"holder", holder},
        {"host", host},
        {"idle-child", idle_child},
        {"late", late},
        {"late-child", late_child},
        {"parent", parent},
        {"polite", polite},
        {"spawn", spawn},
        {"stubborn", stubborn},
        {"window", window},
        {"work", work},
        {"with-child", with_child},
    };
    all.merge(plain_roles());
    return all;
  }();
  return roles;
}

}  // namespace

int play_role(const std::string& name, const std::vector<std::string>& words) {
  const auto found = all_roles().find(name);
  if (found == all_roles().end()) {
    std::cerr << "no role " << name << '\n';
    return 93;
  }
  return found->second(words);
}

}  // namespace support
