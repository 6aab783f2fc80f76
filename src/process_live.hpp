// What a `Process` is inside.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>

#include <treehold/process.hpp>

#include "src/execution.hpp"

namespace treehold::inline v0 {

struct Process::Live {
  boost::asio::io_context context{1};
  std::shared_ptr<Execution> execution;
};

}  // namespace treehold::inline v0
