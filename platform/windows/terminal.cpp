#include "platform/terminal.hpp"

#include <fcntl.h>
#include <io.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>

#include "platform/interrupt_ladder.hpp"
#include "platform/windows/signals.hpp"
#include "platform/windows/unique_handle.hpp"
#include "platform/windows/wide_text.hpp"

// After windows.h.
#include <shellapi.h>

namespace treehold::inline v0::platform {
namespace {

/// What the console has told and nobody has taken yet. The system calls a handler on a thread of
/// its own and gives it nothing: the one of the program stands here.
struct Inbox {
  std::mutex mutex;
  std::queue<int> numbers;
  const HANDLE changed = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);

  void put(int number) {
    {
      const std::lock_guard lock(mutex);
      numbers.push(number);
    }
    ::SetEvent(changed);
  }

  /// 0: none.
  int take() {
    const std::lock_guard lock(mutex);
    if (numbers.empty()) {
      return 0;
    }
    const int number = numbers.front();
    numbers.pop();
    return number;
  }
};

Inbox& inbox() {
  static auto* const instance = new Inbox;  // never destroyed: the handler may outlive main
  return *instance;
}

constexpr int hangup = 1;  // as elsewhere: the terminal goes away

BOOL WINAPI handle(DWORD event) {
  switch (event) {
    case CTRL_C_EVENT: inbox().put(native_interrupt); return TRUE;
    case CTRL_BREAK_EVENT: inbox().put(native_terminate); return TRUE;
    default: break;
  }
  inbox().put(hangup);
  // The system ends this process when this returns, and by itself a few seconds later.
  ::Sleep(INFINITE);
  return TRUE;
}

}  // namespace

std::vector<std::string> begin_program(int /*count*/, char** /*words*/) {
  for (std::FILE* const stream : {stdin, stdout, stderr}) {
    (void)::_setmode(::_fileno(stream), _O_BINARY);
  }
  int count = 0;
  // What main gets has been through the code page of the system.
  const std::unique_ptr<LPWSTR, decltype(&::LocalFree)> words(
      ::CommandLineToArgvW(::GetCommandLineW(), &count), ::LocalFree);
  std::vector<std::string> arguments;
  for (int index = 0; words && index < count; ++index) {
    arguments.push_back(to_utf8(words.get()[index]));
  }
  return arguments;
}

struct HeldInterrupts::Mask {};

HeldInterrupts::HeldInterrupts() {
  ::SetConsoleCtrlHandler(handle, TRUE);
}

HeldInterrupts::~HeldInterrupts() {
  ::SetConsoleCtrlHandler(handle, FALSE);
}

struct InterruptThread::State {
  explicit State(InterruptLadder what) : ladder(std::move(what)) {}

  InterruptLadder ladder;
  std::atomic<bool> ending{false};
  UniqueHandle wanted{::CreateEventW(nullptr, FALSE, FALSE, nullptr)};
  UniqueHandle settled{::CreateEventW(nullptr, FALSE, FALSE, nullptr)};
  std::thread thread;

  void take_all() {
    while (const int number = inbox().take()) {
      ladder.take(number);
    }
  }

  [[nodiscard]] DWORD patience() const {
    const std::optional<std::chrono::nanoseconds> left = ladder.left();
    if (!left) {
      return INFINITE;
    }
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24);
    return static_cast<DWORD>(std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*left),
                                         std::chrono::milliseconds::zero(), longest)
                                  .count());
  }

  void wait() {
    const HANDLE events[] = {inbox().changed, wanted.get()};
    for (;;) {
      const DWORD told = ::WaitForMultipleObjects(2, events, FALSE, patience());
      take_all();
      ladder.look();
      if (told == WAIT_OBJECT_0 + 1) {
        const bool ends = ending;
        ::SetEvent(settled.get());
        if (ends) {
          return;
        }
      }
    }
  }
};

InterruptThread::InterruptThread(std::chrono::nanoseconds grace, std::function<void(int)> soft,
                                 std::function<void()> hard)
    : state_(std::make_unique<State>(InterruptLadder(grace, std::move(soft), std::move(hard)))) {
  state_->thread = std::thread([state = state_.get()] { state->wait(); });
}

void InterruptThread::settle() {
  ::SetEvent(state_->wanted.get());
  ::WaitForSingleObject(state_->settled.get(), INFINITE);
}

InterruptThread::~InterruptThread() {
  state_->ending = true;
  settle();
  state_->thread.join();
}

// All programs of a console are in its foreground.
Foreground::Foreground(ProcessId /*leader*/) {}

Foreground::~Foreground() = default;

}  // namespace treehold::inline v0::platform
