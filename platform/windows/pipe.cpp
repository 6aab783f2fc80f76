#include "platform/windows/pipe.hpp"

#include <atomic>
#include <cstdint>
#include <random>
#include <string>

#include <treehold/error.hpp>

namespace treehold::inline v0::platform {
namespace {

constexpr DWORD buffered = 64 * 1024;

[[noreturn]] void fail() {
  throw SpawnFailed(SpawnStage::launch, last_error(), "pipe");
}

/// One that no other process has, nor will guess.
std::wstring fresh_name() {
  static std::atomic<std::uint64_t> count{0};
  static const std::uint64_t secret = [] {
    std::random_device source;
    return (std::uint64_t{source()} << 32) | source();
  }();
  return LR"(\\.\pipe\treehold-)" + std::to_wstring(::GetCurrentProcessId()) + L"-" +
         std::to_wstring(secret) + L"-" + std::to_wstring(++count);
}

}  // namespace

Pipe make_pipe(Direction direction) {
  const bool to_host = direction == Direction::to_host;
  const std::wstring name = fresh_name();
  Pipe pipe;
  pipe.host = UniqueHandle(::CreateNamedPipeW(
      name.c_str(),
      (to_host ? PIPE_ACCESS_INBOUND : PIPE_ACCESS_OUTBOUND) | FILE_FLAG_OVERLAPPED |
          FILE_FLAG_FIRST_PIPE_INSTANCE,
      PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, buffered,
      buffered, 0, nullptr));
  if (!pipe.host) {
    fail();
  }
  // What a program may ask of its standard handles beside reading or writing.
  const DWORD access = to_host ? DWORD{GENERIC_WRITE} | FILE_READ_ATTRIBUTES
                               : DWORD{GENERIC_READ} | FILE_WRITE_ATTRIBUTES;
  pipe.child =
      UniqueHandle(::CreateFileW(name.c_str(), access, 0, nullptr, OPEN_EXISTING, 0, nullptr));
  if (!pipe.child) {
    fail();
  }
  return pipe;
}

}  // namespace treehold::inline v0::platform
