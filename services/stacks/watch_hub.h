// Server streams that follow a resource: level-triggered, so that a slow client gets the latest
// and nothing piles up. Streams are woken by the name that changed, here or in another replica (see
// ChangeTail), and by nothing else: those that wait cost no query.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/grpc_status.h"
#include "common/work.h"

namespace stackyard::stacks {

// One open stream.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Looks for news and sends it. Called on the hub's thread.
  virtual void Poll() = 0;
  // Ends the stream with UNAVAILABLE, since the process drains.
  virtual void End() = 0;
};

class WatchHub {
 public:
  WatchHub();
  ~WatchHub();

  void Add(const std::string& name, const std::shared_ptr<Watcher>& watcher);
  void Remove(const std::string& name, const Watcher* watcher);
  // Has the watchers of these names look again.
  void Touch(const std::set<std::string>& names);
  // Has one watcher look again.
  void Touch(const std::shared_ptr<Watcher>& watcher);
  // Has all of them look again.
  void TouchAll();
  // Ends all streams; later ones end at once.
  void Drain();
  // Counts the hub's rounds over those that are to look. Only for the hub's thread: what was read
  // in this round is new enough for each of them.
  int64_t turn() const { return turn_; }

 private:
  absl::Duration Turn();

  absl::Mutex mutex_;
  std::multimap<std::string, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::shared_ptr<Watcher>> ready_ ABSL_GUARDED_BY(mutex_);
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the hub's thread.
  int64_t turn_ = 0;
  // Last: its thread uses the rest.
  Loop loop_;
};

// What a look for news found.
template <typename Response>
struct News {
  std::vector<Response> messages;
  // There is more already: looks again when these are sent.
  bool more = false;
  // Nothing follows: the stream ends when these are sent.
  bool last = false;
};

// Reads that the streams of one turn have in common: of many that watch the same thing, one asks
// the database. Only for the hub's thread.
template <typename T>
class SharedReads {
 public:
  explicit SharedReads(const WatchHub& hub) : hub_(hub) {}

  const absl::StatusOr<T>& Read(const std::string& key,
                                const std::function<absl::StatusOr<T>()>& read) {
    if (turn_ != hub_.turn() || reads_.size() >= kMost) reads_.clear();
    turn_ = hub_.turn();
    const auto found = reads_.find(key);
    return found != reads_.end() ? found->second : reads_.emplace(key, read()).first->second;
  }

 private:
  static constexpr size_t kMost = 256;

  const WatchHub& hub_;
  int64_t turn_ = -1;
  std::map<std::string, absl::StatusOr<T>> reads_;
};

// A stream of Response. `look` answers what is new since its last call, and is never called
// again before all of that was sent.
template <typename Response>
class WatchStream final : public grpc::ServerWriteReactor<Response> {
 public:
  using Look = std::function<absl::StatusOr<News<Response>>()>;

  // Deletes itself when the stream is over.
  WatchStream(WatchHub& hub, std::string name, Look look)
      : hub_(hub), name_(std::move(name)), core_(std::make_shared<Core>(this, std::move(look))) {
    hub_.Add(name_, core_);
  }

  void OnWriteDone(bool ok) override {
    if (core_->Sent(ok)) hub_.Touch(core_);
  }
  void OnCancel() override { core_->Finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    hub_.Remove(name_, core_.get());
    core_->Detach();
    delete this;
  }

 private:
  class Core final : public Watcher {
   public:
    Core(WatchStream* stream, Look look) : stream_(stream), look_(std::move(look)) {}

    void Poll() override {
      absl::MutexLock lock(&mutex_);
      if (stream_ == nullptr || finished_ || news_.last) return;
      if (next_ < news_.messages.size()) {
        news_.more = true;
        return;
      }
      auto found = look_();
      if (!found.ok()) {
        FinishLocked(ToGrpc(found.status()));
        return;
      }
      news_ = *std::move(found);
      next_ = 0;
      SendLocked();
    }
    void End() override {
      Finish(ToGrpc(Error(v1::DEPENDENCY_UNAVAILABLE,
                          "the service stops: connect again with the resume token")));
    }
    // True when the hub should look for more.
    bool Sent(bool ok) {
      absl::MutexLock lock(&mutex_);
      if (!ok) {
        FinishLocked(grpc::Status::CANCELLED);
        return false;
      }
      if (++next_ == news_.messages.size()) {
        // A stream that waits keeps nothing of what it has sent.
        news_.messages = {};
        next_ = 0;
      }
      SendLocked();
      return news_.messages.empty() && news_.more && !news_.last;
    }
    void Finish(const grpc::Status& status) {
      absl::MutexLock lock(&mutex_);
      FinishLocked(status);
    }
    void Detach() {
      absl::MutexLock lock(&mutex_);
      stream_ = nullptr;
    }

   private:
    void SendLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (finished_) return;
      if (next_ < news_.messages.size()) {
        stream_->StartWrite(&news_.messages[next_]);
      } else if (news_.last) {
        FinishLocked(grpc::Status::OK);
      }
    }
    void FinishLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (finished_ || stream_ == nullptr) return;
      finished_ = true;
      stream_->Finish(status);
    }

    absl::Mutex mutex_;
    WatchStream* stream_ ABSL_GUARDED_BY(mutex_);
    const Look look_;
    News<Response> news_ ABSL_GUARDED_BY(mutex_);
    size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
    bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  };

  WatchHub& hub_;
  const std::string name_;
  const std::shared_ptr<Core> core_;
};

// A stream that is over before it began.
template <typename Response>
grpc::ServerWriteReactor<Response>* Refuse(const absl::Status& status) {
  class Refusal final : public grpc::ServerWriteReactor<Response> {
   public:
    explicit Refusal(const grpc::Status& status) { this->Finish(status); }
    void OnDone() override { delete this; }
  };
  return new Refusal(ToGrpc(status));
}

}  // namespace stackyard::stacks
