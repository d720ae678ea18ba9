//! How the channels of a blob are shared out over blocks of threads.

use super::module::THREADS;
use crate::ty::Shape;

/// How the elements of every channel of a blob are cut up for two sums.
#[derive(Clone, Copy)]
pub(super) struct ChannelSums {
    pub(super) channels: usize,
    /// Pieces of a channel.
    pub(super) pieces: usize,
    /// Elements of a channel.
    pub(super) count: usize,
    /// Elements of a plane.
    pub(super) inner: usize,
}

impl ChannelSums {
    /// Blocks that keep a large GPU busy, and elements that are enough for one.
    const BLOCKS: usize = 1056;
    const PIECE: usize = 1024;

    /// Most pieces of a channel: one thread adds them.
    const MOST: usize = 64;

    /// For a blob of images x channels x whatever.
    pub(super) fn of(x: &Shape) -> Self {
        let (channels, inner) = (x.0[1], x.count_of(2..x.rank()));
        let count = x.0[0] * inner;
        let pieces = (Self::BLOCKS / channels.max(1)).min(count / Self::PIECE);
        ChannelSums { channels, pieces: pieces.clamp(1, Self::MOST), count, inner }
    }

    /// Elements of scratch memory for two numbers of 64 bits a piece.
    pub(super) fn work(&self) -> usize {
        4 * self.channels * self.pieces
    }
}

/// How the planes of a blob are spread over blocks: several for one block, or one for several.
pub(super) struct Planes {
    channels: usize,
    planes: usize,
    inner: usize,
    group: usize,
    cuts: usize,
}

impl Planes {
    /// Elements of a block.
    const BLOCK: usize = 2048;

    /// For a blob of images x channels x whatever.
    pub(super) fn of(x: &Shape) -> Self {
        let inner = x.count_of(2..x.rank());
        let group = (Self::BLOCK / inner.max(1)).clamp(1, THREADS);
        let cuts = inner.div_ceil(Self::BLOCK).max(1);
        Planes { channels: x.0[1], planes: x.0[0] * x.0[1], inner, group, cuts }
    }

    /// Blocks in all.
    pub(super) fn blocks(&self) -> usize {
        self.planes.div_ceil(self.group) * self.cuts
    }

    /// What the texts call channels, planes, inner, group and cuts.
    pub(super) fn numbers(&self) -> [usize; 5] {
        [self.channels, self.planes, self.inner, self.group, self.cuts]
    }
}
