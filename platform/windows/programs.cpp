// What makes a program on Windows: where it is found, and how it may end.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "platform/platform.hpp"
#include "platform/windows/system.hpp"
#include "platform/windows/wide_text.hpp"

namespace treehold::inline v0::platform {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char character) {
    return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A')
                                                : character;
  });
  return result;
}

/// What CreateProcess can start. PATHEXT may name more, which only a shell opens.
bool is_startable(std::string_view extension) {
  for (const std::string_view known : {".COM", ".EXE", ".BAT", ".CMD"}) {
    if (extension == known) {
      return true;
    }
  }
  return false;
}

/// The extensions of programs, in the order in which they are tried.
std::vector<std::string> program_extensions() {
  const std::string all = environment_variable("PATHEXT").value_or(".COM;.EXE;.BAT;.CMD");
  std::vector<std::string> extensions;
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string extension = upper(rest.substr(0, end));
    if (is_startable(extension)) {
      extensions.push_back(extension);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return extensions;
}

}  // namespace

std::string default_search_path() {
  std::wstring directory(MAX_PATH, L'\0');
  directory.resize(::GetSystemDirectoryW(directory.data(), static_cast<UINT>(directory.size())));
  return to_utf8(directory);
}

char search_path_separator() noexcept {
  return ';';
}

std::vector<std::string> program_files(const std::string& path) {
  const std::size_t dot = path.find_last_of("./\\:");
  if (dot != std::string::npos && path[dot] == '.' && is_startable(upper(path.substr(dot)))) {
    return {path};
  }
  std::vector<std::string> files;
  for (const std::string& extension : program_extensions()) {
    files.push_back(path + extension);
  }
  files.push_back(path);  // a program may have any name
  return files;
}

Executability executability(const std::string& path) noexcept {
  try {
    const DWORD attributes = ::GetFileAttributesW(to_wide_path(path, "program").c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) {
      return ::GetLastError() == ERROR_ACCESS_DENIED ? Executability::forbidden
                                                     : Executability::missing;
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? Executability::forbidden
                                                        : Executability::executable;
  } catch (...) {  // no text that could name a file
    return Executability::missing;
  }
}

/// All that a process can: an int has as many bits.
bool is_exit_code(int /*code*/) noexcept {
  return true;
}

}  // namespace treehold::inline v0::platform
