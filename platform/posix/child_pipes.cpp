#include "platform/posix/child_pipes.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include <treehold/error.hpp>

#include "platform/posix/system.hpp"

namespace treehold::inline v0::platform {
namespace {

std::uint32_t native_resource(Resource resource) {
  switch (resource) {
    case Resource::address_space: return RLIMIT_AS;
    case Resource::core_file_size: return RLIMIT_CORE;
    case Resource::cpu_seconds: return RLIMIT_CPU;
    case Resource::data_segment: return RLIMIT_DATA;
    case Resource::file_size: return RLIMIT_FSIZE;
    case Resource::locked_memory: return RLIMIT_MEMLOCK;
    case Resource::open_files: return RLIMIT_NOFILE;
    case Resource::processes: return RLIMIT_NPROC;
    case Resource::stack: return RLIMIT_STACK;
  }
  return RLIMIT_NOFILE;
}

/// Whether the host has the standard descriptor open for its children. A close-on-exec one is not
/// meant for them: in a host that has closed its own, a descriptor of ours or of Asio's may have
/// got the number.
bool is_inheritable(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

ChildStream child_stream(Wiring wiring, int stream) {
  switch (wiring) {
    case Wiring::null: return ChildStream::null;
    case Wiring::inherit: return is_inheritable(stream) ? ChildStream::keep : ChildStream::null;
    case Wiring::pipe: return ChildStream::descriptor;
    case Wiring::read_file: return ChildStream::read_file;
    case Wiring::create_file: return ChildStream::create_file;
    case Wiring::append_file: return ChildStream::append_file;
    case Wiring::to_stdout: return ChildStream::to_stdout;
  }
  return ChildStream::null;
}

}  // namespace

Pipe make_pipe() {
  int ends[2];
  if (open_pipe(ends) != 0) {
    throw SpawnFailed(SpawnStage::launch, last_error(), "pipe");
  }
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  pipe.read = above_standard(std::move(pipe.read));
  pipe.write = above_standard(std::move(pipe.write));
  if (!pipe.read || !pipe.write) {
    throw SpawnFailed(SpawnStage::launch, last_error(), "pipe");
  }
  return pipe;
}

void fill_order(const SpawnPlan& plan, ChildOrder& order) {
  order.new_session = plan.new_session ? 1 : 0;
  order.set_uid = plan.uid ? 1 : 0;
  order.uid = plan.uid.value_or(0);
  order.set_gid = plan.gid ? 1 : 0;
  order.gid = plan.gid.value_or(0);
  order.set_groups = plan.groups ? 1 : 0;
  order.set_umask = plan.umask ? 1 : 0;
  order.umask = plan.umask.value_or(0);
  order.set_nice = plan.nice ? 1 : 0;
  order.nice = plan.nice.value_or(0);
  for (const ResourceLimitPlan& limit : plan.resource_limits) {
    order.limits[order.limit_count++] = {native_resource(limit.resource), 0, limit.soft,
                                         limit.hard};
  }
}

ChildEnds make_pipes(const SpawnPlan& plan, HostEnds& host, ChildOrder& order) {
  ChildEnds ends;
  const StreamPlan* const streams[] = {&plan.standard_input, &plan.standard_output,
                                       &plan.standard_error};
  UniqueFd* const host_ends[] = {&host.standard_input, &host.standard_output, &host.standard_error};
  for (int i = 0; i < 3; ++i) {
    order.streams[i] = child_stream(streams[i]->wiring, i);
    if (streams[i]->wiring == Wiring::pipe) {
      Pipe pipe = make_pipe();
      *host_ends[i] = std::move(i == 0 ? pipe.write : pipe.read);
      ends.standard[i] = std::move(i == 0 ? pipe.read : pipe.write);
      order.descriptors[i] = ends.standard[i].get();
    }
  }
  Pipe report = make_pipe();
  order.report = report.write.get();
  ends.report = std::move(report.write);
  host.report = std::move(report.read);
  return ends;
}

void append_pointers(std::vector<const char*>& pointers, const std::vector<std::string>& strings) {
  for (const std::string& text : strings) {
    pointers.push_back(text.c_str());
  }
  pointers.push_back(nullptr);
}

}  // namespace treehold::inline v0::platform
