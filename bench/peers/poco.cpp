// POCO as its documentation shows it: Process::launch, a Pipe, and ProcessHandle::wait.
#include <Poco/Pipe.h>
#include <Poco/PipeStream.h>
#include <Poco/Process.h>
#include <Poco/StreamCopier.h>

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "contestant.hpp"

namespace {

class PocoProcess final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& call) override {
    const ::Poco::ProcessHandle child = ::Poco::Process::launch(peers::nothing, {});
    call.stop();
    peers::require(child.wait() == 0, "exit code");
  }

  void capture(std::size_t bytes) override {
    ::Poco::Pipe output;
    const ::Poco::ProcessHandle child = ::Poco::Process::launch(
        peers::head, {"-c", std::to_string(bytes), "/dev/zero"}, nullptr, &output, nullptr);
    ::Poco::PipeInputStream stream(output);
    std::string kept;
    ::Poco::StreamCopier::copyToString(stream, kept);
    peers::require(child.wait() == 0 && kept.size() == bytes, "size");
  }

  void lines(std::size_t count) override {
    ::Poco::Pipe output;
    const ::Poco::ProcessHandle child = ::Poco::Process::launch(
        peers::shell, {"-c", peers::line_script, "sh", std::to_string(count)}, nullptr, &output,
        nullptr);
    ::Poco::PipeInputStream stream(output);
    std::size_t taken = 0;
    for (std::string line; std::getline(stream, line);) {
      taken += line.size() == peers::line_size ? 1U : 0U;
    }
    peers::require(child.wait() == 0 && taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    ::Poco::Pipe input;
    ::Poco::Pipe output;
    const ::Poco::ProcessHandle child =
        ::Poco::Process::launch(peers::cat, {}, &input, &output, nullptr);
    std::thread writer([&] {  // there is no other way to do both at once
      ::Poco::PipeOutputStream stream(input);
      stream << bytes;
      stream.close();
    });
    ::Poco::PipeInputStream stream(output);
    std::string kept;
    ::Poco::StreamCopier::copyToString(stream, kept);
    writer.join();
    peers::require(child.wait() == 0 && kept.size() == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    std::vector<::Poco::ProcessHandle> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(::Poco::Process::launch(peers::nothing, {}));
    }
    for (const ::Poco::ProcessHandle& child : all) {
      peers::require(child.wait() == 0, "exit code");
    }
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      held_.push_back(::Poco::Process::launch(peers::sleep, {peers::sleep_seconds}));
    }
  }

  void release() override {
    for (::Poco::ProcessHandle& child : held_) {
      ::Poco::Process::kill(child);
    }
    for (const ::Poco::ProcessHandle& child : held_) {
      (void)child.wait();
    }
    held_.clear();
  }

 private:
  std::vector<::Poco::ProcessHandle> held_;
};

}  // namespace

int main() {
  PocoProcess contestant;
  return peers::serve(contestant);
}
