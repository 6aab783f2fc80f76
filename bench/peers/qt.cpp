// Qt as its documentation shows it: QProcess with waitForFinished, and its signal in an event loop.
#include <QByteArray>
#include <QCoreApplication>
#include <QEventLoop>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "contestant.hpp"

namespace {

bool good(const QProcess& child) {
  return child.exitStatus() == QProcess::NormalExit && child.exitCode() == 0;
}

class QtProcess final : public peers::Contestant {
 public:
  void start(peers::Stopwatch& call) override {
    QProcess child;
    child.start(peers::nothing, QStringList());
    call.stop();
    peers::require(child.waitForFinished(-1) && good(child), "exit code");
  }

  void capture(std::size_t bytes) override {
    QProcess child;
    child.start(peers::head,
                QStringList{"-c", QString::number(static_cast<qulonglong>(bytes)), "/dev/zero"});
    peers::require(child.waitForFinished(-1) && good(child), "exit code");
    const QByteArray kept = child.readAllStandardOutput();
    peers::require(static_cast<std::size_t>(kept.size()) == bytes, "size");
  }

  void lines(std::size_t count) override {
    QProcess child;
    child.start(peers::shell, QStringList{"-c", peers::line_script, "sh",
                                          QString::number(static_cast<qulonglong>(count))});
    std::size_t taken = 0;
    const auto take = [&] {
      while (child.canReadLine()) {
        // With its newline.
        taken +=
            static_cast<std::size_t>(child.readLine().size()) == peers::line_size + 1 ? 1U : 0U;
      }
    };
    while (child.waitForReadyRead(-1)) {
      take();
    }
    peers::require(child.waitForFinished(-1) || child.state() == QProcess::NotRunning, "end");
    take();
    peers::require(good(child) && taken == count, "lines");
  }

  void feed(const std::string& bytes) override {
    QProcess child;
    child.start(peers::cat, QStringList());
    child.write(bytes.data(), static_cast<qint64>(bytes.size()));
    child.closeWriteChannel();
    peers::require(child.waitForFinished(-1) && good(child), "exit code");
    const QByteArray kept = child.readAllStandardOutput();
    peers::require(static_cast<std::size_t>(kept.size()) == bytes.size(), "size");
  }

  void many(std::size_t count) override {
    std::vector<std::unique_ptr<QProcess>> all;
    std::size_t ended = 0;
    for (std::size_t i = 0; i < count; ++i) {
      QProcess* const child = all.emplace_back(std::make_unique<QProcess>()).get();
      QObject::connect(child, QOverload<int, QProcess::ExitStatus>::of(&QProcess::finished),
                       [&ended, count] {
                         if (++ended == count) {
                           QCoreApplication::quit();
                         }
                       });
      child->start(peers::nothing, QStringList());
    }
    QCoreApplication::exec();
    for (const auto& child : all) {
      peers::require(good(*child), "exit code");
    }
  }

  void hold(std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      QProcess* const child = held_.emplace_back(std::make_unique<QProcess>()).get();
      QObject::connect(child, QOverload<int, QProcess::ExitStatus>::of(&QProcess::finished),
                       [this] { ++ended_; });
      child->start(peers::sleep, QStringList{peers::sleep_seconds});
    }
    // `start` returns before the program is being executed.
    for (const auto& child : held_) {
      while (child->state() == QProcess::Starting) {
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
      }
      peers::require(child->state() == QProcess::Running, "start");
    }
  }

  void release() override {
    for (const auto& child : held_) {
      child->kill();
    }
    while (ended_ < held_.size()) {
      QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
    }
    held_.clear();
    ended_ = 0;
  }

 private:
  std::vector<std::unique_ptr<QProcess>> held_;
  std::size_t ended_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  const QCoreApplication application(count, arguments);
  QtProcess contestant;
  return peers::serve(contestant);
}
