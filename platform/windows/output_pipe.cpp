#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/windows/stream_handle.hpp>

#include "platform/windows/pipe.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// The pending operation holds it: the kernel may write into its buffer until that has completed,
/// also after the handle was closed.
class Reader : public std::enable_shared_from_this<Reader> {
 public:
  Reader(UniqueHandle pipe, const Executor& executor) : pipe_(executor, pipe.release()) {}

  void read_some(char* buffer, std::size_t size, Handler<error_code, std::size_t> handler) {
    bytes_.resize(std::max(bytes_.size(), size));
    pipe_.async_read_some(asio::buffer(bytes_.data(), size),
                          [self = shared_from_this(), buffer, handler = std::move(handler)](
                              const error_code& error, std::size_t count) mutable {
                            if (self->closed_) {
                              return;
                            }
                            std::memcpy(buffer, self->bytes_.data(), count);
                            std::move(handler)(error, count);
                          });
  }

  void cancel() noexcept {
    error_code ignored;
    pipe_.cancel(ignored);
  }

  std::optional<std::size_t> read_now(char* buffer, std::size_t size) noexcept {
    DWORD there = 0;
    if (::PeekNamedPipe(pipe_.native_handle(), nullptr, 0, nullptr, &there, nullptr) == 0) {
      return std::size_t{0};  // ERROR_BROKEN_PIPE: its end
    }
    if (there == 0) {
      return std::nullopt;
    }
    // What is there comes at once; the completion goes past Asio's port (the low bit of the event).
    const UniqueHandle event(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
    OVERLAPPED overlapped{};
    overlapped.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<std::uintptr_t>(event.get()) | 1);
    DWORD count = 0;
    const DWORD wanted = static_cast<DWORD>(std::min<std::size_t>(size, there));
    const bool read =
        event &&
        (::ReadFile(pipe_.native_handle(), buffer, wanted, nullptr, &overlapped) != 0 ||
         ::GetLastError() == ERROR_IO_PENDING) &&
        ::GetOverlappedResult(pipe_.native_handle(), &overlapped, &count, TRUE) != 0;
    return read ? std::optional(std::size_t{count}) : std::nullopt;
  }

  void close() noexcept {
    closed_ = true;
    error_code ignored;
    pipe_.close(ignored);
  }

 private:
  asio::windows::stream_handle pipe_;
  std::vector<char> bytes_;
  bool closed_ = false;
};

class WindowsOutputPipe final : public OutputPipe {
 public:
  WindowsOutputPipe(UniqueHandle pipe, const Executor& executor)
      : reader_(std::make_shared<Reader>(std::move(pipe), executor)) {}
  ~WindowsOutputPipe() override { reader_->close(); }
  WindowsOutputPipe(const WindowsOutputPipe&) = delete;
  WindowsOutputPipe& operator=(const WindowsOutputPipe&) = delete;

  void async_read_some(char* buffer, std::size_t size,
                       Handler<error_code, std::size_t> handler) override {
    reader_->read_some(buffer, size, std::move(handler));
  }
  void cancel() noexcept override { reader_->cancel(); }
  [[nodiscard]] std::optional<std::size_t> read_now(char* buffer,
                                                    std::size_t size) noexcept override {
    return reader_->read_now(buffer, size);
  }
  void widen() noexcept override {}  // its size is chosen when it is made

 private:
  std::shared_ptr<Reader> reader_;
};

}  // namespace

std::unique_ptr<OutputPipe> open_output_pipe(UniqueHandle pipe, const Executor& executor) {
  return std::make_unique<WindowsOutputPipe>(std::move(pipe), executor);
}

}  // namespace treehold::inline v0::platform
