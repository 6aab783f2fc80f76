#include "support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include <catch2/catch.hpp>

#include "platform/windows/system.hpp"
#include "platform/windows/unique_handle.hpp"
#include "src/path_text.hpp"

namespace support {

void require_windows(const std::string& what) {
  // Wine says so of itself.
  const HMODULE module = ::GetModuleHandleW(L"ntdll.dll");
  if (::GetProcAddress(module, "wine_get_version") != nullptr) {
    skip("native-only: under Wine " + what);
  }
}

void require_resource_use() {
  require_windows("what a process has used is forgotten when it has ended");
}

treehold::Command plain::quick() {
  return role("exit", {"0"});
}

treehold::Command plain::idle() {
  return role("idle-child");
}

treehold::ProcessId pid_after(std::string_view text, std::string_view word) {
  return number_after(text, word);
}

TempDir::TempDir() {
  namespace fs = std::filesystem;
  std::random_device random;
  const fs::path made =
      fs::temp_directory_path() / ("test-of-treehold-" + std::to_string(random()));
  fs::create_directory(made);
  path_ = treehold::text_of(made);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(treehold::path_of(path_), ignored);
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(treehold::path_of(path), std::ios::binary | std::ios::trunc);
  file << text;
}

Variable::Variable(std::string name, const std::string& value) : name_(std::move(name)) {
  ::_putenv_s(name_.c_str(), value.c_str());
}

Variable::~Variable() {
  ::_putenv_s(name_.c_str(), "");
}

SharedCounters::SharedCounters(const std::string& path) {
  using treehold::platform::UniqueHandle;
  constexpr DWORD size = 4096;
  const UniqueHandle file(::CreateFileW(
      treehold::path_of(path).c_str(), GENERIC_READ | GENERIC_WRITE,
      FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
  // It keeps what it is of as long as somebody has a view of it.
  const UniqueHandle mapping(
      ::CreateFileMappingW(file.get(), nullptr, PAGE_READWRITE, 0, size, nullptr));
  void* const place = ::MapViewOfFile(mapping.get(), FILE_MAP_WRITE, 0, 0, size);
  if (place == nullptr) {
    FAIL("no view of " << path);
  }
  counters_ = static_cast<volatile std::uint64_t*>(place);
}

SharedCounters::~SharedCounters() {
  ::UnmapViewOfFile(const_cast<std::uint64_t*>(counters_));
}

}  // namespace support
