// Qt as its documentation shows it: QProcess with waitForFinished, and its signal in an event loop.
#include <QByteArray>
#include <QCoreApplication>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <cstddef>
#include <memory>
#include <vector>

#include "contestant.hpp"

namespace {

bool good(const QProcess& child) {
  return child.exitStatus() == QProcess::NormalExit && child.exitCode() == 0;
}

class QtProcess final : public peers::Contestant {
 public:
  void start() override {
    QProcess child;
    child.start(peers::nothing, QStringList());
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
};

}  // namespace

int main(int count, char** arguments) {
  const QCoreApplication application(count, arguments);
  QtProcess contestant;
  return peers::serve(contestant);
}
