// What a child gets of the environment, and what the host has of it.
#include "platform/windows/environment.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "platform/platform.hpp"
#include "platform/windows/system.hpp"
#include "platform/windows/wide_text.hpp"

namespace treehold::inline v0::platform {
namespace {

struct FreeEnvironment {
  void operator()(wchar_t* block) const noexcept { ::FreeEnvironmentStringsW(block); }
};

int compare_names(std::wstring_view left, std::wstring_view right) noexcept {
  return ::CompareStringOrdinal(left.data(), static_cast<int>(left.size()), right.data(),
                                static_cast<int>(right.size()), TRUE);
}

/// The names of the system's own variables begin with the sign that ends all others.
std::wstring_view name_of(std::wstring_view variable) noexcept {
  return variable.substr(0, variable.find(L'=', 1));
}

}  // namespace

std::wstring environment_block(const std::vector<std::string>& variables) {
  std::vector<std::wstring> wide;
  wide.reserve(variables.size());
  for (const std::string& variable : variables) {
    wide.push_back(to_wide(variable, "env"));
  }
  std::sort(wide.begin(), wide.end(), [](const std::wstring& left, const std::wstring& right) {
    return compare_names(name_of(left), name_of(right)) == CSTR_LESS_THAN;
  });
  std::wstring block;
  for (const std::wstring& variable : wide) {
    block += variable;
    block += L'\0';
  }
  block.append(variables.empty() ? 2 : 1, L'\0');
  return block;
}

std::vector<std::string> environment() {
  const std::unique_ptr<wchar_t, FreeEnvironment> block(::GetEnvironmentStringsW());
  std::vector<std::string> variables;
  if (block) {
    for (const wchar_t* variable = block.get(); *variable != L'\0';) {
      const std::wstring_view text(variable);
      variables.push_back(to_utf8(text));
      variable += text.size() + 1;
    }
  }
  return variables;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const std::wstring wide = to_wide(name, "env");
  std::wstring value(256, L'\0');
  for (;;) {
    ::SetLastError(ERROR_SUCCESS);
    const DWORD length =
        ::GetEnvironmentVariableW(wide.c_str(), value.data(), static_cast<DWORD>(value.size()));
    if (length == 0 && ::GetLastError() != ERROR_SUCCESS) {
      return std::nullopt;
    }
    const bool all = length < value.size();
    value.resize(length);
    if (all) {
      return to_utf8(value);
    }
  }
}

std::string variable_key(std::string_view name) {
  std::wstring wide;
  try {
    wide = to_wide(name, "env");
  } catch (const InvalidSetting&) {  // told when it is used
    return std::string(name);
  }
  // The system's own notion of upper case, which does not depend on a language.
  ::CharUpperBuffW(wide.data(), static_cast<DWORD>(wide.size()));
  return to_utf8(wide);
}

}  // namespace treehold::inline v0::platform
