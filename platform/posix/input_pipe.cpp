#include "platform/posix/input_pipe.hpp"

#include <cerrno>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "platform/posix/pipe_size.hpp"
#include "platform/posix/write_quietly.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// The pending operation holds it, so that it outlives an `InputPipe` destroyed in the meantime.
class Writer : public std::enable_shared_from_this<Writer> {
 public:
  Writer(UniqueFd pipe, const Executor& executor) : pipe_(executor, pipe.release()) {
    pipe_.native_non_blocking(true);
  }

  void write_some(std::string_view bytes, Handler<error_code, std::size_t> handler) {
    pipe_.async_wait(
        asio::posix::stream_descriptor::wait_write,
        [self = shared_from_this(), bytes, handler = std::move(handler)](error_code error) mutable {
          if (error || !self->pipe_.is_open()) {
            std::move(handler)(error_code(asio::error::operation_aborted), std::size_t{0});
            return;
          }
          const ssize_t count = write_quietly(self->pipe_.native_handle(), bytes);
          if (count >= 0) {
            self->widen(static_cast<std::size_t>(count) < bytes.size());
            std::move(handler)(error_code(), static_cast<std::size_t>(count));
          } else if (errno == EAGAIN || errno == EINTR) {
            self->write_some(bytes, std::move(handler));
          } else {
            std::move(handler)(last_error(), std::size_t{0});
          }
        });
  }

  void close() noexcept {
    error_code ignored;
    pipe_.close(ignored);
  }

 private:
  /// Much is to be written: the more the pipe holds, the seldomer writer and reader wait for each
  /// other.
  void widen(bool too_narrow) noexcept {
    if (too_narrow && !wide_) {
      wide_ = true;
      widen_pipe(pipe_.native_handle());
    }
  }

  asio::posix::stream_descriptor pipe_;
  bool wide_ = false;
};

class PosixInputPipe final : public InputPipe {
 public:
  PosixInputPipe(UniqueFd pipe, const Executor& executor)
      : writer_(std::make_shared<Writer>(std::move(pipe), executor)) {}
  ~PosixInputPipe() override { writer_->close(); }
  PosixInputPipe(const PosixInputPipe&) = delete;
  PosixInputPipe& operator=(const PosixInputPipe&) = delete;

  void async_write_some(std::string_view bytes, Handler<error_code, std::size_t> handler) override {
    writer_->write_some(bytes, std::move(handler));
  }

 private:
  std::shared_ptr<Writer> writer_;
};

}  // namespace

std::unique_ptr<InputPipe> open_input_pipe(UniqueFd pipe, const Executor& executor) {
  return std::make_unique<PosixInputPipe>(std::move(pipe), executor);
}

}  // namespace treehold::inline v0::platform
