#include "platform/posix/output_pipe.hpp"

#include <unistd.h>

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/readable_pipe.hpp>

#include "platform/posix/pipe_size.hpp"

namespace treehold::inline v0::platform {
namespace {

using boost::system::error_code;

class PosixOutputPipe final : public OutputPipe {
 public:
  PosixOutputPipe(UniqueFd pipe, const Executor& executor) : pipe_(executor, pipe.release()) {}

  void async_read_some(char* buffer, std::size_t size,
                       Handler<error_code, std::size_t> handler) override {
    pipe_.async_read_some(boost::asio::buffer(buffer, size), std::move(handler));
  }

  void cancel() noexcept override {
    error_code ignored;
    pipe_.cancel(ignored);
  }

  [[nodiscard]] std::optional<std::size_t> read_now(char* buffer,
                                                    std::size_t size) noexcept override {
    // Asio has made it non-blocking with the first asynchronous read.
    const ssize_t count = ::read(pipe_.native_handle(), buffer, size);
    return count >= 0 ? std::optional(static_cast<std::size_t>(count)) : std::nullopt;
  }

  void widen() noexcept override { widen_pipe(pipe_.native_handle()); }

 private:
  boost::asio::readable_pipe pipe_;
};

}  // namespace

std::unique_ptr<OutputPipe> open_output_pipe(UniqueFd pipe, const Executor& executor) {
  return std::make_unique<PosixOutputPipe>(std::move(pipe), executor);
}

}  // namespace treehold::inline v0::platform
