#include "platform/windows/spawn.hpp"

#include <array>
#include <string>
#include <utility>

#include "platform/windows/command_line.hpp"
#include "platform/windows/environment.hpp"
#include "platform/windows/pipe.hpp"
#include "platform/windows/wide_text.hpp"

namespace treehold::inline v0::platform {
namespace {

/// A step of the start that the system refused.
struct Refused {
  SpawnFailure failure;
};

[[noreturn]] void refuse(SpawnStage stage) {
  throw Refused{{stage, last_error()}};
}

/// The lists that CreateProcess takes beside its arguments.
class AttributeList {
 public:
  explicit AttributeList(DWORD count) {
    SIZE_T size = 0;
    (void)::InitializeProcThreadAttributeList(nullptr, count, 0, &size);
    memory_.resize(size);
    if (::InitializeProcThreadAttributeList(get(), count, 0, &size) == 0) {
      throw SpawnFailed(SpawnStage::launch, last_error(), "attributes of the process");
    }
  }
  AttributeList(const AttributeList&) = delete;
  AttributeList& operator=(const AttributeList&) = delete;
  ~AttributeList() { ::DeleteProcThreadAttributeList(get()); }

  [[nodiscard]] LPPROC_THREAD_ATTRIBUTE_LIST get() noexcept {
    return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
  }

  /// `handles` must stay as long as this.
  void set(DWORD_PTR attribute, std::vector<HANDLE>& handles) {
    if (!handles.empty() &&
        ::UpdateProcThreadAttribute(get(), 0, attribute, handles.data(),
                                    handles.size() * sizeof(HANDLE), nullptr, nullptr) == 0) {
      throw SpawnFailed(SpawnStage::launch, last_error(), "attributes of the process");
    }
  }

 private:
  std::vector<char> memory_;
};

UniqueHandle open_null(SpawnStage stage) {
  UniqueHandle null(::CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0,
                                  nullptr));
  if (!null) {
    refuse(stage);
  }
  return null;
}

UniqueHandle open_file(const std::string& path, DWORD access, DWORD disposition, SpawnStage stage) {
  UniqueHandle file(::CreateFileW(to_wide_path(path, "stdio").c_str(), access,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  disposition, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) {
    refuse(stage);
  }
  return file;
}

/// The host's own standard handle, for the child; that of NUL where it has none.
UniqueHandle inherited(DWORD which, SpawnStage stage) {
  const HANDLE own = ::GetStdHandle(which);
  if (own != nullptr && own != INVALID_HANDLE_VALUE) {
    if (UniqueHandle copy = duplicate(own, false)) {
      return copy;
    }
  }
  return open_null(stage);
}

/// Opens what the stream is to lead to. Of a pipe `host` gets the other end. Empty for
/// `to_stdout`.
UniqueHandle open_stream(const StreamPlan& stream, DWORD which, SpawnStage stage,
                         Direction direction, UniqueHandle& host) {
  switch (stream.wiring) {
    case Wiring::null: return open_null(stage);
    case Wiring::inherit: return inherited(which, stage);
    case Wiring::pipe: {
      Pipe pipe = make_pipe(direction);
      host = std::move(pipe.host);
      return std::move(pipe.child);
    }
    case Wiring::read_file: return open_file(stream.path, GENERIC_READ, OPEN_EXISTING, stage);
    case Wiring::create_file: return open_file(stream.path, GENERIC_WRITE, CREATE_ALWAYS, stage);
    case Wiring::append_file:
      // Without FILE_WRITE_DATA each write goes to the end, whoever else writes.
      return open_file(stream.path, FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS, stage);
    case Wiring::to_stdout: break;
  }
  return {};
}

/// Inheritable for the time of one start.
UniqueHandle for_child(const UniqueHandle& handle) {
  UniqueHandle copy = duplicate(handle.get(), true);
  if (!copy) {
    refuse(SpawnStage::launch);
  }
  return copy;
}

/// Which step it was that CreateProcess refused.
SpawnStage stage_of(DWORD error, const SpawnPlan& plan) {
  if (plan.directory) {
    const DWORD attributes =
        ::GetFileAttributesW(to_wide_path(*plan.directory, "current_dir").c_str());
    if (error == ERROR_DIRECTORY || attributes == INVALID_FILE_ATTRIBUTES ||
        (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
      return SpawnStage::working_directory;
    }
  }
  return SpawnStage::execute;
}

void start(Spawned& spawned, const SpawnPlan& plan, std::vector<HANDLE>& jobs) {
  const UniqueHandle input =
      open_stream(plan.standard_input, STD_INPUT_HANDLE, SpawnStage::standard_input,
                  Direction::to_child, spawned.standard_input);
  const UniqueHandle output =
      open_stream(plan.standard_output, STD_OUTPUT_HANDLE, SpawnStage::standard_output,
                  Direction::to_host, spawned.standard_output);
  const UniqueHandle error =
      open_stream(plan.standard_error, STD_ERROR_HANDLE, SpawnStage::standard_error,
                  Direction::to_host, spawned.standard_error);
  const std::array<UniqueHandle, 3> theirs{for_child(input), for_child(output),
                                           for_child(error ? error : output)};
  std::vector<HANDLE> inherited{theirs[0].get(), theirs[1].get(), theirs[2].get()};

  AttributeList attributes(2);
  attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, inherited);
  attributes.set(PROC_THREAD_ATTRIBUTE_JOB_LIST, jobs);
  STARTUPINFOEXW startup{};
  startup.StartupInfo.cb = sizeof startup;
  startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
  startup.StartupInfo.hStdInput = theirs[0].get();
  startup.StartupInfo.hStdOutput = theirs[1].get();
  startup.StartupInfo.hStdError = theirs[2].get();
  startup.lpAttributeList = attributes.get();

  DWORD flags = CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
  flags |= plan.new_process_group ? CREATE_NEW_PROCESS_GROUP : 0;
  flags |= plan.create_no_window ? CREATE_NO_WINDOW : 0;

  const std::wstring program = to_wide_path(plan.program, "program");
  std::wstring command_line = to_wide(join_command_line(plan.arguments), "arg");
  constexpr std::size_t longest = 32766;  // CreateProcess; who takes more would cut it off
  if (command_line.size() > longest) {
    ::SetLastError(ERROR_FILENAME_EXCED_RANGE);
    refuse(SpawnStage::execute);
  }
  std::wstring environment = environment_block(plan.environment);
  // The system takes no long one here ("SetCurrentDirectory"), prefix or not.
  std::wstring directory;
  if (plan.directory) {
    directory = to_wide(*plan.directory, "current_dir");
  }
  PROCESS_INFORMATION process{};
  // Wine has been seen to answer "Internal error" when a new process ended before its first
  // instruction: of the program nothing has run.
  constexpr int attempts = 5;
  for (int attempt = 1;; ++attempt) {
    if (::CreateProcessW(program.c_str(), command_line.data(), nullptr, nullptr, TRUE, flags,
                         environment.data(), plan.directory ? directory.c_str() : nullptr,
                         &startup.StartupInfo, &process) != 0) {
      break;
    }
    const boost::system::error_code why = last_error();
    if (why.value() != ERROR_INTERNAL_ERROR || attempt == attempts) {
      throw Refused{{stage_of(static_cast<DWORD>(why.value()), plan), why}};
    }
  }
  const UniqueHandle thread(process.hThread);
  spawned.process = UniqueHandle(process.hProcess);
  spawned.pid = process.dwProcessId;
}

}  // namespace

Spawned spawn(const SpawnPlan& plan, std::vector<HANDLE> jobs) {
  Spawned spawned;
  try {
    start(spawned, plan, jobs);
  } catch (const Refused& refused) {
    spawned.failure = refused.failure;
    // Their other ends are gone: what is left of them is at its end.
  }
  return spawned;
}

}  // namespace treehold::inline v0::platform
