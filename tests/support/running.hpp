// A live process of the asynchronous form.
#pragma once

#include <boost/asio/use_future.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "event_host.hpp"

namespace support {

/// A process on a host that lives by its event loop.
struct Running {
  forms::Host host;
  treehold::Process process;

  explicit Running(const treehold::Command& command)
      : process(command.async_start(host.context(), boost::asio::use_future).get()) {}
};

}  // namespace support
