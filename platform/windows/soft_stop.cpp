#include "platform/windows/soft_stop.hpp"

#include <set>
#include <utility>

#include "platform/windows/system.hpp"

namespace treehold::inline v0::platform {
namespace {

struct Closing {
  std::set<DWORD> wanted;
  std::set<ProcessId> asked;
};

BOOL CALLBACK close_if_wanted(HWND window, LPARAM parameter) {
  auto& closing = *reinterpret_cast<Closing*>(parameter);
  DWORD process = 0;
  ::GetWindowThreadProcessId(window, &process);
  // Posted, not sent: whoever does not look at its messages keeps nobody waiting.
  if (closing.wanted.count(process) != 0 && ::PostMessageW(window, WM_CLOSE, 0, 0) != 0) {
    closing.asked.insert(process);
  }
  return TRUE;
}

}  // namespace

bool send_ctrl_break(ProcessId leader) noexcept {
  return ::GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, static_cast<DWORD>(leader)) != 0;
}

std::set<ProcessId> close_windows(const std::vector<ProcessId>& processes) {
  Closing closing;
  for (const ProcessId pid : processes) {
    closing.wanted.insert(static_cast<DWORD>(pid));
  }
  (void)::EnumWindows(close_if_wanted, reinterpret_cast<LPARAM>(&closing));
  return std::move(closing.asked);
}

}  // namespace treehold::inline v0::platform
