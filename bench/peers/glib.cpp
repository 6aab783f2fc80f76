// GLib's GSubprocess, as its manual shows it.
#include <gio/gio.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "contestant.hpp"

namespace {

void require_good(GError* error) {
  if (error != nullptr) {
    const std::string text = error->message;
    g_error_free(error);
    throw std::runtime_error(text);
  }
}

/// Sends `input`, if there is one, and takes all of the output.
void collect(GSubprocess* child, GBytes* input, std::size_t size) {
  GError* error = nullptr;
  GBytes* output = nullptr;
  g_subprocess_communicate(child, input, nullptr, &output, nullptr, &error);
  g_object_unref(child);
  require_good(error);
  const bool all = g_bytes_get_size(output) == size;
  g_bytes_unref(output);
  peers::require(all, "size");
}

struct Pending {
  GMainLoop* loop;
  std::size_t left;
  std::size_t good;
};

class Glib final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& call) override {
    GError* error = nullptr;
    GSubprocess* child = g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, peers::nothing, nullptr);
    call.stop();
    require_good(error);
    g_subprocess_wait_check(child, nullptr, &error);
    g_object_unref(child);
    require_good(error);
  }

  void capture(std::size_t bytes) override {
    GError* error = nullptr;
    const std::string size = std::to_string(bytes);
    GSubprocess* child = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, peers::head, "-c",
                                          size.c_str(), "/dev/zero", nullptr);
    require_good(error);
    collect(child, nullptr, bytes);
  }

  void lines(std::size_t count) override {
    GError* error = nullptr;
    const std::string number = std::to_string(count);
    GSubprocess* child = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, peers::shell,
                                          "-c", peers::line_script, "sh", number.c_str(), nullptr);
    require_good(error);
    GDataInputStream* stream = g_data_input_stream_new(g_subprocess_get_stdout_pipe(child));
    std::size_t taken = 0;
    gsize size = 0;
    while (char* line = g_data_input_stream_read_line(stream, &size, nullptr, &error)) {
      taken += size == peers::line_size ? 1U : 0U;
      g_free(line);
    }
    g_object_unref(stream);
    if (error == nullptr) {
      g_subprocess_wait_check(child, nullptr, &error);
    }
    g_object_unref(child);
    require_good(error);
    peers::require(taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    GError* error = nullptr;
    GSubprocess* child =
        g_subprocess_new(static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDIN_PIPE |
                                                       G_SUBPROCESS_FLAGS_STDOUT_PIPE),
                         &error, peers::cat, nullptr);
    require_good(error);
    GBytes* input = g_bytes_new_static(bytes.data(), bytes.size());
    collect(child, input, bytes.size());
    g_bytes_unref(input);
  }

  void many(std::size_t count) override {
    Pending pending{g_main_loop_new(nullptr, FALSE), count, 0};
    for (std::size_t i = 0; i < count; ++i) {
      GError* error = nullptr;
      GSubprocess* child =
          g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, peers::nothing, nullptr);
      require_good(error);
      g_subprocess_wait_check_async(
          child, nullptr,
          [](GObject* source, GAsyncResult* result, gpointer data) {
            auto& all = *static_cast<Pending*>(data);
            const gboolean good =
                g_subprocess_wait_check_finish(G_SUBPROCESS(source), result, nullptr);
            all.good += good != FALSE ? 1U : 0U;
            g_object_unref(source);
            if (--all.left == 0) {
              g_main_loop_quit(all.loop);
            }
          },
          &pending);
    }
    g_main_loop_run(pending.loop);
    g_main_loop_unref(pending.loop);
    peers::require(pending.good == count, "exit code");
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      GError* error = nullptr;
      GSubprocess* child = g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, &error, peers::sleep,
                                            peers::sleep_seconds, nullptr);
      require_good(error);
      held_.push_back(child);
      g_subprocess_wait_async(
          child, nullptr,
          [](GObject* source, GAsyncResult* result, gpointer data) {
            const gboolean ended = g_subprocess_wait_finish(G_SUBPROCESS(source), result, nullptr);
            *static_cast<std::size_t*>(data) += ended != FALSE ? 1U : 0U;
          },
          &ended_);
    }
  }

  void release() override {
    for (GSubprocess* const child : held_) {
      g_subprocess_force_exit(child);
    }
    while (ended_ < held_.size()) {
      g_main_context_iteration(nullptr, TRUE);
    }
    for (GSubprocess* const child : held_) {
      g_object_unref(child);
    }
    held_.clear();
    ended_ = 0;
  }

 private:
  std::vector<GSubprocess*> held_;
  std::size_t ended_ = 0;
};

}  // namespace

int main() {
  Glib contestant;
  return peers::serve(contestant);
}
