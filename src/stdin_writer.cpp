#include <utility>

#include <boost/asio/dispatch.hpp>

#include <treehold/stdin_writer.hpp>

#include "src/process_core.hpp"

namespace treehold::inline v0 {

StdinWriter::StdinWriter(std::shared_ptr<ProcessCore> core) noexcept : core_(std::move(core)) {}

const std::shared_ptr<ProcessCore>& StdinWriter::core() const {
  core_->execution().group().require_owner("the process");
  return core_;
}

void StdinWriter::write(std::string_view bytes) {
  (void)core()->complete<Nothing>(
      [this, bytes](auto handler) { core_->async_write(bytes, std::move(handler)); });
}

void StdinWriter::write_line(std::string_view line) {
  write(std::string(line) + '\n');
}

void StdinWriter::flush() {
  (void)core()->complete<Nothing>([this](auto handler) { core_->async_flush(std::move(handler)); });
}

void StdinWriter::close() {
  if (core()->own_context() != nullptr) {
    core_->execution().close_input();
  } else {
    boost::asio::dispatch(core_->executor(), [core = core_] { core->execution().close_input(); });
  }
}

}  // namespace treehold::inline v0
