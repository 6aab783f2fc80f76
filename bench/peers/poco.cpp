// POCO as its documentation shows it: Process::launch, a Pipe, and ProcessHandle::wait.
#include <Poco/Pipe.h>
#include <Poco/PipeStream.h>
#include <Poco/Process.h>
#include <Poco/StreamCopier.h>

#include <cstddef>
#include <string>
#include <vector>

#include "contestant.hpp"

namespace {

class PocoProcess final : public peers::Contestant {
 public:
  void start() override {
    peers::require(::Poco::Process::launch(peers::nothing, {}).wait() == 0, "exit code");
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

  void many(std::size_t count) override {
    std::vector<::Poco::ProcessHandle> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(::Poco::Process::launch(peers::nothing, {}));
    }
    for (const ::Poco::ProcessHandle& child : all) {
      peers::require(child.wait() == 0, "exit code");
    }
  }
};

}  // namespace

int main() {
  PocoProcess contestant;
  return peers::serve(contestant);
}
