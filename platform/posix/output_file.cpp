#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>

#include "platform/platform.hpp"
#include "platform/posix/unique_fd.hpp"
#include "platform/posix/write_quietly.hpp"

namespace treehold::inline v0::platform {
namespace {

class PosixOutputFile final : public OutputFile {
 public:
  explicit PosixOutputFile(UniqueFd file) noexcept : file_(std::move(file)) {}

  boost::system::error_code write(std::string_view bytes) noexcept override {
    while (!bytes.empty()) {
      const ssize_t count = write_quietly(file_.get(), bytes);
      if (count >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
      } else if (errno != EINTR) {
        return last_error();
      }
    }
    return {};
  }

 private:
  UniqueFd file_;
};

}  // namespace

std::unique_ptr<OutputFile> create_file(const std::string& path) {
  UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666));
  if (!file) {
    throw boost::system::system_error(last_error(), path);
  }
  return std::make_unique<PosixOutputFile>(std::move(file));
}

}  // namespace treehold::inline v0::platform
