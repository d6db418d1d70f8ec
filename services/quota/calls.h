// The calls that the ledger decides in groups. Each is read from its request before it waits for
// its turn, and decides on a Desk that has what it needs.
#pragma once

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "services/quota/desk.h"
#include "services/quota/fields.h"
#include "services/quota/model.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

class Call {
 public:
  virtual ~Call() = default;
  // Tells its answer and puts what it changes. Called again when the transaction was not committed.
  virtual void Decide(Desk& desk) = 0;
  // The transaction was not committed, whatever was decided in it.
  virtual void Fail(const absl::Status& status) = 0;
  virtual bool MayChange() const { return true; }
  // Tells the caller what was answered. Last, and once.
  virtual void Finish() = 0;
  const Need& need() const { return need_; }

 protected:
  explicit Call(Need need) : need_(std::move(need)) {}

 private:
  const Need need_;
};

// A call that answers a T.
template <typename T>
class CallFor : public Call {
 public:
  using Done = std::function<void(absl::StatusOr<T>)>;

  CallFor(Need need, Done done) : Call(std::move(need)), done_(std::move(done)) {}
  void Decide(Desk& desk) final { answer_ = Answer(desk); }
  void Fail(const absl::Status& status) final { answer_ = status; }
  void Finish() final { done_(std::move(answer_)); }

 protected:
  virtual absl::StatusOr<T> Answer(Desk& desk) = 0;

 private:
  const Done done_;
  absl::StatusOr<T> answer_ = absl::UnknownError("not decided");
};

class ReserveCall final : public CallFor<v1::Reservation> {
 public:
  ReserveCall(Reservation asked, Done done);

 private:
  absl::StatusOr<v1::Reservation> Answer(Desk& desk) override;
  absl::StatusOr<Reservation> Admit(Desk& desk) const;

  const Reservation asked_;
};

class CommitCall final : public CallFor<v1::Reservation> {
 public:
  CommitCall(ReservationName name, Amounts amounts, Done done);

 private:
  absl::StatusOr<v1::Reservation> Answer(Desk& desk) override;

  const ReservationName name_;
  const Amounts amounts_;
};

class ReleaseCall final : public CallFor<v1::Reservation> {
 public:
  ReleaseCall(ReservationName name, Done done);

 private:
  absl::StatusOr<v1::Reservation> Answer(Desk& desk) override;

  const ReservationName name_;
};

// Takes nothing: asks what a ReserveCall would say.
class FitCall final : public CallFor<v1::CheckFitResponse> {
 public:
  // `faults` are those of the request so far; `supersedes` is empty for none.
  FitCall(Reservation asked, ReservationName supersedes, Violations faults, Done done);
  bool MayChange() const override { return false; }

 private:
  absl::StatusOr<v1::CheckFitResponse> Answer(Desk& desk) override;

  const Reservation asked_;
  const ReservationName supersedes_;
  const Violations faults_;
};

}  // namespace stackyard::quota
