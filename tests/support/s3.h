// A real server that speaks S3 for tests: moto, on a free port, gone with the process.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stackyard {

// `http://127.0.0.1:PORT` of the server of this process, which the first call starts from
// build/tools/py or PATH. It takes any keys. NOT_FOUND when moto is not installed.
absl::StatusOr<std::string> S3Server();

}  // namespace stackyard
