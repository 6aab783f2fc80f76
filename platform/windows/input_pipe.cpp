#include <memory>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/windows/stream_handle.hpp>

#include "platform/windows/pipe.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// The pending operation holds it, and it holds a copy of what is being written: the kernel may
/// read that until the operation has completed, also after the handle was closed.
class Writer : public std::enable_shared_from_this<Writer> {
 public:
  Writer(UniqueHandle pipe, const Executor& executor) : pipe_(executor, pipe.release()) {}

  void write_some(std::string_view bytes, Handler<error_code, std::size_t> handler) {
    constexpr std::size_t most = std::size_t{64} * 1024;
    bytes_ = bytes.substr(0, most);
    pipe_.async_write_some(asio::buffer(bytes_),
                           [self = shared_from_this(), handler = std::move(handler)](
                               const error_code& error, std::size_t count) mutable {
                             std::move(handler)(self->meaning_of(error), count);
                           });
  }

  void close() noexcept {
    closed_ = true;
    error_code ignored;
    pipe_.close(ignored);
  }

 private:
  /// What is closed by us is an operation given up; what nobody reads any more is a broken pipe.
  [[nodiscard]] error_code meaning_of(const error_code& error) const {
    if (!error) {
      return error;
    }
    if (closed_) {
      return asio::error::operation_aborted;
    }
    const bool gone = error.value() == ERROR_NO_DATA || error.value() == ERROR_BROKEN_PIPE ||
                      error.value() == ERROR_PIPE_NOT_CONNECTED;
    return gone ? error_code(asio::error::broken_pipe) : error;
  }

  asio::windows::stream_handle pipe_;
  std::string bytes_;
  bool closed_ = false;
};

class WindowsInputPipe final : public InputPipe {
 public:
  WindowsInputPipe(UniqueHandle pipe, const Executor& executor)
      : writer_(std::make_shared<Writer>(std::move(pipe), executor)) {}
  ~WindowsInputPipe() override { writer_->close(); }
  WindowsInputPipe(const WindowsInputPipe&) = delete;
  WindowsInputPipe& operator=(const WindowsInputPipe&) = delete;

  void async_write_some(std::string_view bytes, Handler<error_code, std::size_t> handler) override {
    writer_->write_some(bytes, std::move(handler));
  }

 private:
  std::shared_ptr<Writer> writer_;
};

}  // namespace

std::unique_ptr<InputPipe> open_input_pipe(UniqueHandle pipe, const Executor& executor) {
  return std::make_unique<WindowsInputPipe>(std::move(pipe), executor);
}

}  // namespace treehold::inline v0::platform
