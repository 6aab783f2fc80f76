// libuv as its guide shows it: uv_spawn on a loop, and a pipe that is read by callbacks.
#include <signal.h>
#include <uv.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "contestant.hpp"

namespace {

struct Child {
  uv_process_t process{};
  std::int64_t code = -1;
};

void spawn(uv_loop_t& loop, Child& child, std::vector<std::string> arguments, uv_pipe_t* output,
           uv_pipe_t* input = nullptr) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  uv_stdio_container_t streams[3]{};
  streams[0].flags = UV_IGNORE;
  if (input != nullptr) {
    streams[0].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_READABLE_PIPE);
    streams[0].data.stream = reinterpret_cast<uv_stream_t*>(input);
  }
  streams[1].flags = UV_INHERIT_FD;
  streams[1].data.fd = 1;
  if (output != nullptr) {
    streams[1].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
    streams[1].data.stream = reinterpret_cast<uv_stream_t*>(output);
  }
  streams[2].flags = UV_INHERIT_FD;
  streams[2].data.fd = 2;
  uv_process_options_t options{};
  options.file = argv[0];
  options.args = argv.data();
  options.stdio = streams;
  options.stdio_count = 3;
  options.exit_cb = [](uv_process_t* process, std::int64_t code, int) {
    static_cast<Child*>(process->data)->code = code;
    uv_close(reinterpret_cast<uv_handle_t*>(process), nullptr);
  };
  child.process.data = &child;
  peers::require(uv_spawn(&loop, &child.process, &options) == 0, "uv_spawn");
}

/// All that comes out of a pipe.
struct Kept {
  std::string bytes;
  std::vector<char> buffer = std::vector<char>(std::size_t{64} << 10U);
};

void keep(uv_pipe_t& pipe, Kept& kept) {
  pipe.data = &kept;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&pipe),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        std::vector<char>& own = static_cast<Kept*>(handle->data)->buffer;
        *buffer = uv_buf_init(own.data(), static_cast<unsigned>(own.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        if (count > 0) {
          static_cast<Kept*>(stream->data)
              ->bytes.append(buffer->base, static_cast<std::size_t>(count));
        } else if (count < 0) {
          uv_close(reinterpret_cast<uv_handle_t*>(stream), nullptr);
        }
      });
}

class Libuv final : public peers::Contestant {
 public:
  Libuv() { uv_loop_init(&loop_); }

  void start(peers::Stopwatch& call) override {
    Child child;
    spawn(loop_, child, {peers::nothing}, nullptr);
    call.stop();
    uv_run(&loop_, UV_RUN_DEFAULT);
    peers::require(child.code == 0, "exit code");
  }

  void capture(std::size_t bytes) override {
    Kept kept;
    uv_pipe_t pipe;
    uv_pipe_init(&loop_, &pipe, 0);
    Child child;
    spawn(loop_, child, {peers::head, "-c", std::to_string(bytes), "/dev/zero"}, &pipe);
    keep(pipe, kept);
    uv_run(&loop_, UV_RUN_DEFAULT);
    peers::require(child.code == 0 && kept.bytes.size() == bytes, "size");
  }

  void lines(std::size_t count) override {
    struct Lines {
      std::size_t taken = 0;
      std::string begun;  ///< of the line whose end is yet to come
      std::vector<char> buffer = std::vector<char>(std::size_t{64} << 10U);
    } lines;
    uv_pipe_t pipe;
    uv_pipe_init(&loop_, &pipe, 0);
    pipe.data = &lines;
    Child child;
    spawn(loop_, child, {peers::shell, "-c", peers::line_script, "sh", std::to_string(count)},
          &pipe);
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&pipe),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          std::vector<char>& own = static_cast<Lines*>(handle->data)->buffer;
          *buffer = uv_buf_init(own.data(), static_cast<unsigned>(own.size()));
        },
        [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
          auto& all = *static_cast<Lines*>(stream->data);
          if (size < 0) {
            uv_close(reinterpret_cast<uv_handle_t*>(stream), nullptr);
            return;
          }
          std::string_view rest(buffer->base, static_cast<std::size_t>(size));
          for (std::size_t end = rest.find('\n'); end != std::string_view::npos;
               end = rest.find('\n')) {
            all.taken += all.begun.size() + end == peers::line_size ? 1U : 0U;
            all.begun.clear();
            rest.remove_prefix(end + 1);
          }
          all.begun.append(rest);
        });
    uv_run(&loop_, UV_RUN_DEFAULT);
    peers::require(child.code == 0 && lines.taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    Kept kept;
    uv_pipe_t input;
    uv_pipe_t output;
    uv_pipe_init(&loop_, &input, 0);
    uv_pipe_init(&loop_, &output, 0);
    Child child;
    spawn(loop_, child, {peers::cat}, &output, &input);
    keep(output, kept);
    uv_write_t request;
    const uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
    uv_write(&request, reinterpret_cast<uv_stream_t*>(&input), &buffer, 1,
             [](uv_write_t* written, int) {
               uv_close(reinterpret_cast<uv_handle_t*>(written->handle), nullptr);
             });
    uv_run(&loop_, UV_RUN_DEFAULT);
    peers::require(child.code == 0 && kept.bytes.size() == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    std::vector<std::unique_ptr<Child>> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(std::make_unique<Child>());
      spawn(loop_, *all.back(), {peers::nothing}, nullptr);
    }
    uv_run(&loop_, UV_RUN_DEFAULT);
    for (const auto& child : all) {
      peers::require(child->code == 0, "exit code");
    }
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      held_.push_back(std::make_unique<Child>());
      spawn(loop_, *held_.back(), {peers::sleep, peers::sleep_seconds}, nullptr);
    }
  }

  void release() override {
    for (const auto& child : held_) {
      uv_process_kill(&child->process, SIGKILL);
    }
    uv_run(&loop_, UV_RUN_DEFAULT);  // until each has been closed by its exit_cb
    held_.clear();
  }

 private:
  uv_loop_t loop_{};
  std::vector<std::unique_ptr<Child>> held_;
};

}  // namespace

int main() {
  Libuv contestant;
  return peers::serve(contestant);
}
