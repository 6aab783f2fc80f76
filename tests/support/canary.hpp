// Who must not be touched.
#pragma once

#include <catch2/catch.hpp>

#include "support.hpp"

namespace support {

/// A process outside of every container: if it dies, treehold has killed what it must not touch.
class Canary {
 public:
  Canary() {
    if (child_.read_line() != "ready") {
      FAIL("the canary did not start");
    }
  }
  [[nodiscard]] bool survives() const { return child_.alive(); }

 private:
  Child child_{"sleep"};
};

}  // namespace support
