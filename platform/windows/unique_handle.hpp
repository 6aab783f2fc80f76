// Ownership of a kernel handle.
#pragma once

#include <utility>

#include <boost/system/error_code.hpp>

#include "platform/windows/system.hpp"

namespace treehold::inline v0::platform {

/// Closes what it holds. Null: holds nothing. What the system returns as INVALID_HANDLE_VALUE is
/// taken for nothing, too.
class UniqueHandle {
 public:
  UniqueHandle() noexcept = default;
  explicit UniqueHandle(HANDLE handle) noexcept
      : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  UniqueHandle(UniqueHandle&& other) noexcept : handle_(other.release()) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueHandle() { reset(); }

  [[nodiscard]] HANDLE get() const noexcept { return handle_; }
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }

  [[nodiscard]] HANDLE release() noexcept { return std::exchange(handle_, nullptr); }

  void reset(HANDLE handle = nullptr) noexcept {
    const HANDLE old = std::exchange(handle_, handle);
    if (old != nullptr) {
      const DWORD saved = ::GetLastError();
      ::CloseHandle(old);
      ::SetLastError(saved);
    }
  }

 private:
  HANDLE handle_ = nullptr;
};

/// The error that `GetLastError` names now.
[[nodiscard]] inline boost::system::error_code last_error() noexcept {
  return {static_cast<int>(::GetLastError()), boost::system::system_category()};
}

/// Another handle to the same object, in this process. Empty, with the last error, when that fails.
[[nodiscard]] inline UniqueHandle duplicate(HANDLE handle, bool inheritable) noexcept {
  HANDLE copy = nullptr;
  if (::DuplicateHandle(::GetCurrentProcess(), handle, ::GetCurrentProcess(), &copy, 0,
                        inheritable ? TRUE : FALSE, DUPLICATE_SAME_ACCESS) == 0) {
    return {};
  }
  return UniqueHandle(copy);
}

}  // namespace treehold::inline v0::platform
