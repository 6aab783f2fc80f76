// The writing end of a live child's standard input (`Command::stdin_pipe`).
//
//     treehold::Process bc = treehold::Command("bc").stdin_pipe().start();
//     bc.input().write_line("6*7");
//
// Nothing is buffered: what is written goes into the pipe. A child that has closed its input, or
// has ended, is the error `StdinFailed` (EPIPE); never a SIGPIPE, whatever the host does with it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

class ProcessCore;

/// A handle, of which there may be several: copies write to the same pipe. Used like its process:
/// by one thread at a time. A process that is destroyed leaves a handle whose writes fail.
/// Every member throws `NotOwner` in a fork of the process that started the child.
class TREEHOLD_EXPORT StdinWriter {
 public:
  /// Writes all of `bytes`. Captured output is read meanwhile, so that a child that must get rid of
  /// some before it takes more does not hang. Throws `StdinFailed`.
  void write(std::string_view bytes);

  /// Writes the line and '\n'.
  void write_line(std::string_view line);

  /// Waits until all that was begun to be written is in the pipe, or has failed: the writes tell.
  /// That is so at once unless asynchronous writes are pending.
  void flush();

  /// Closes the pipe when all that was begun is written: the child reads end-of-file. Does not
  /// wait. Closing twice is harmless.
  void close();

  // -- Asynchronous members: <treehold/async.hpp>
  // --------------------------------------------------

  template <class Token>
  auto async_write(std::string bytes, Token&& token);
  template <class Token>
  auto async_write_line(std::string line, Token&& token);
  template <class Token>
  auto async_flush(Token&& token);

 private:
  friend class Process;
  explicit StdinWriter(std::shared_ptr<ProcessCore> core) noexcept;
  [[nodiscard]] const std::shared_ptr<ProcessCore>& core() const;

  std::shared_ptr<ProcessCore> core_;
};

}  // namespace treehold::inline v0
