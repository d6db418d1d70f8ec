// Bounds of histograms, in seconds.
#pragma once

#include <prometheus/histogram.h>

namespace stackyard {

// Of calls over the network.
inline const prometheus::Histogram::BucketBoundaries kCallBuckets = {
    .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60};

// Of what a database or a disk does, mostly in a fraction of a millisecond.
inline const prometheus::Histogram::BucketBoundaries kStorageBuckets = {
    .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};

}  // namespace stackyard
