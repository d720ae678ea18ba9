//! What operations of layers share with the executor: its kernels and its threads.

pub(super) use crate::exec::cpu::reduce::{total_of, total_of_pairs};
pub(super) use crate::exec::cpu::tasks::{CHUNK, for_each_pair_of_pieces, for_each_piece};
pub(super) use crate::exec::cpu::{pool, softmax};
pub(super) use crate::real::vectorize;
