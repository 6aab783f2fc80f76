#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "platform/platform.hpp"
#include "platform/windows/unique_handle.hpp"
#include "platform/windows/wide_text.hpp"

namespace treehold::inline v0::platform {
namespace {

class WindowsOutputFile final : public OutputFile {
 public:
  explicit WindowsOutputFile(UniqueHandle file) noexcept : file_(std::move(file)) {}

  boost::system::error_code write(std::string_view bytes) noexcept override {
    while (!bytes.empty()) {
      constexpr std::size_t most = std::size_t{1} << 20;
      DWORD count = 0;
      if (::WriteFile(file_.get(), bytes.data(), static_cast<DWORD>(std::min(bytes.size(), most)),
                      &count, nullptr) == 0) {
        return last_error();
      }
      bytes.remove_prefix(count);
    }
    return {};
  }

 private:
  UniqueHandle file_;
};

}  // namespace

std::unique_ptr<OutputFile> create_file(const std::string& path) {
  // Others may read it meanwhile, rename it or take it away, as they may elsewhere.
  UniqueHandle file(::CreateFileW(to_wide_path(path, "tee").c_str(), GENERIC_WRITE,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) {
    throw boost::system::system_error(last_error(), path);
  }
  return std::make_unique<WindowsOutputFile>(std::move(file));
}

}  // namespace treehold::inline v0::platform
