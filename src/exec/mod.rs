//! Runs plans on a device; the only place that names candle, cudarc and the `cuda` feature.

pub mod cpu;
