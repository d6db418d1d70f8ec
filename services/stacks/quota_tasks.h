// Steps with quota that are left to the saga.
#pragma once

#include <string>

#include "services/stacks/change.h"
#include "stackyard/v1/common.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// Name of the reservation for a plan of a stack: a new plan of the same revision is another one.
std::string ReservationOf(const v1::Stack& stack, const v1::Plan& plan);

// Gives a reservation back; nothing when `reservation` is empty.
void ReleaseLater(Change& change, const std::string& reservation);

// Sets a reservation to what is there; nothing when `reservation` is empty.
void CommitLater(Change& change, const std::string& reservation,
                 const google::protobuf::RepeatedPtrField<v1::Amount>& amounts);

// Reserves anew what a stack has and no reservation of it holds. False when that is on its way.
bool RestoreLater(Change& change, const v1::Stack& stack);

// Gives a reservation back at `due`, unless KeepReservation comes first: written before quota is
// asked outside of a task, so that nothing is held by nobody after a crash.
void GuardReservation(Change& change, const std::string& reservation, absl::Time due);

// Takes the guard away. False when it came too late: the reservation is being given back.
bool KeepReservation(Change& change, const std::string& reservation);

}  // namespace stackyard::stacks
