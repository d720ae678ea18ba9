//! CPU kernels: functions on slices.
