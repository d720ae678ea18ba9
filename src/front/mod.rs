//! Turns texts of each dialect into `ir::Definition`s.

pub mod caffe;
pub mod torch;
