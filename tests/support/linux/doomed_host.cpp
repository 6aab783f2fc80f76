#include "doomed_host.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <optional>

#include <catch2/catch.hpp>

#include "roles.hpp"

namespace support {

void require_umbrella() {
  if (mechanism() != treehold::Mechanism::cgroup_v2) {
    skip("this mechanism has no directory");
  }
}

void require_guardian() {
  if (mechanism() == treehold::Mechanism::reaper) {
    skip("this mechanism has no guardian");
  }
}

namespace {

std::vector<std::string> words_of(const std::string& scenario,
                                  const std::vector<std::string>& arguments) {
  std::vector<std::string> words{scenario};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

DoomedHost::DoomedHost(const std::string& scenario, const std::vector<std::string>& arguments)
    : host_("host", words_of(scenario, arguments)) {
  bool ready = false;
  std::string complaints;
  while (const std::optional<std::string> line = host_.read_line()) {
    if (*line == "ready") {
      ready = true;
      break;
    }
    if (line->rfind("pid ", 0) == 0) {
      pids_.push_back(std::stoi(line->substr(4)));
      watches_.push_back(std::make_unique<PidWatch>(pids_.back(), PidWatch::Whose::anybody));
    } else if (line->rfind("group ", 0) == 0) {
      groups_.push_back(line->substr(6));
    } else if (line->rfind("apart ", 0) == 0) {
      apart_ = std::make_unique<PidWatch>(std::stoi(line->substr(6)));
    } else {
      complaints += *line + "\n";
    }
  }
  if (!ready) {
    const int status = host_.wait();
    if (WIFEXITED(status) && WEXITSTATUS(status) == skipped_status) {
      skip(complaints);
    }
  }
  INFO("the host says:\n" << complaints);
  CHECK(ready);
  CHECK(complaints.empty());
  CHECK_FALSE(watches_.empty());
}

void DoomedHost::kill() const {
  ::kill(host_.pid(), SIGKILL);
}

std::vector<std::string> DoomedHost::umbrellas() const {
  const std::string mount = cgroup_mount("");
  std::vector<std::string> found;
  for (const std::string& group : groups_) {
    if (group.rfind(mount + "/", 0) == 0) {
      found.push_back(group);
    }
  }
  return found;
}

bool DoomedHost::ended() const {
  for (const auto& watch : watches_) {
    if (!watch->wait_dead()) {
      return false;
    }
  }
  return wait_until([this] {
    for (const std::string& group : groups_) {
      std::error_code ignored;
      if (std::filesystem::exists(group, ignored)) {
        return false;
      }
    }
    return true;
  });
}

bool DoomedHost::any_dead() const {
  for (const auto& watch : watches_) {
    if (watch->dead()) {
      return true;
    }
  }
  return false;
}

}  // namespace support
