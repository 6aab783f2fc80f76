// The steps from a newborn child to the program that every POSIX system has: what the order asks
// for, one system call after the other.
//
// NO malloc, no thread-local storage, no static data, no return: a step succeeds or the child
// reports and ends. `Calls` carries out the system calls, each of which results in a negated errno
// where it fails; it decides how near to the kernel that is.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>

#include "child_order.hpp"

namespace treehold::inline v0::platform {

template <class Calls>
class ChildSteps {
 public:
  explicit ChildSteps(const ChildOrder& order) noexcept : order_(order) {}

  /// Passes a result through, or ends the child when it is an error.
  long must(ChildStage stage, long result) const {
    if (result < 0) {
      ChildReport message{};
      message.stage = stage;
      message.error = static_cast<std::int32_t>(-result);
      Calls::write(order_.report, &message, sizeof message);
      Calls::leave(127);
    }
    return result;
  }

  void open_session() const {
    if (order_.new_session != 0) {
      must(ChildStage::session, Calls::new_session());
    } else if (order_.new_process_group != 0) {
      must(ChildStage::session, Calls::new_process_group());
    }
  }

  /// Gives the standard streams their places. `files` are the paths of those that lead to files.
  void wire(const char* const (&files)[3]) const {
    for (int stream = 0; stream < 3; ++stream) {
      wire(stream, files[stream]);
    }
  }

  void limit_resources() const {
    for (std::uint32_t i = 0; i < order_.limit_count && i < child_limits; ++i) {
      must(ChildStage::resource_limits, Calls::limit_resource(order_.limits[i]));
    }
  }

  void set_priority() const {
    if (order_.set_nice != 0) {
      must(ChildStage::priority, Calls::set_priority(order_.nice));
    }
  }

  void set_umask() const {
    if (order_.set_umask != 0) {
      Calls::set_umask(order_.umask);
    }
  }

  /// Groups, then group, then user: each needs the privilege that the next one may give up.
  void change_credentials(const std::uint32_t* groups, std::size_t group_count) const {
    if (order_.set_groups != 0) {
      must(ChildStage::credentials, Calls::set_groups(group_count, groups));
    }
    if (order_.set_gid != 0) {
      must(ChildStage::credentials, Calls::set_group(order_.gid));
    }
    if (order_.set_uid != 0) {
      must(ChildStage::credentials, Calls::set_user(order_.uid));
    }
  }

  void enter(const char* directory) const {
    if (directory != nullptr && directory[0] != '\0') {
      must(ChildStage::working_directory, Calls::change_directory(directory));
    }
  }

 private:
  /// All sources are above 2, or are the stream itself.
  void wire(int stream, const char* path) const {
    const auto stage =
        static_cast<ChildStage>(static_cast<int>(ChildStage::standard_input) + stream);
    long source = -1;
    int flags = stream == 0 ? O_RDONLY : O_WRONLY;
    switch (order_.streams[stream]) {
      case ChildStream::keep: return;
      case ChildStream::descriptor: source = order_.descriptors[stream]; break;
      case ChildStream::to_stdout: source = 1; break;
      case ChildStream::null:
        if (stream == 2 && order_.streams[1] == ChildStream::null) {
          source = 1;  // opened already
        } else {
          path = "/dev/null";
        }
        break;
      case ChildStream::read_file: break;
      case ChildStream::create_file: flags |= O_CREAT | O_TRUNC; break;
      case ChildStream::append_file: flags |= O_CREAT | O_APPEND; break;
    }
    if (source < 0) {
      source = must(stage, Calls::open(path, flags | O_NOCTTY));
    }
    if (source != stream) {
      must(stage, Calls::duplicate(static_cast<int>(source), stream));
    }
  }

  const ChildOrder& order_;
};

}  // namespace treehold::inline v0::platform
