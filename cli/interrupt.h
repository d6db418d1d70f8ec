// Ctrl-C.
#pragma once

namespace stackyard::cli {

// From now on the first Ctrl-C is only remembered; a second one ends the process.
void CatchInterrupt();

// Whether Ctrl-C was pressed.
bool WasInterrupted();

}  // namespace stackyard::cli
