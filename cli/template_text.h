// A template version as people read it.
#pragma once

#include <string>

#include "stackyard/v1/catalog.pb.h"

namespace stackyard::cli {

// Everything that a requester needs: parameters, outputs, price, review and lease.
std::string TemplateVersionText(const v1::TemplateVersion& version, bool color);

}  // namespace stackyard::cli
