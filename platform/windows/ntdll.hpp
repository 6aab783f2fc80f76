// Functions of ntdll.dll that no import library has.
#pragma once

#include "platform/windows/system.hpp"

namespace treehold::inline v0::platform {

/// Null where the system does not have it.
template <class Function>
[[nodiscard]] Function ntdll_function(const char* name) noexcept {
  const HMODULE module = ::GetModuleHandleW(L"ntdll.dll");
  const FARPROC address = module != nullptr ? ::GetProcAddress(module, name) : nullptr;
  return reinterpret_cast<Function>(reinterpret_cast<void*>(address));
}

}  // namespace treehold::inline v0::platform
