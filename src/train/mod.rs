//! Trains: solvers, schedules, runs, checkpoints.
