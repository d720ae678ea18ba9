//! Shows results: tables, diagrams, plots, JSON.

pub mod backward;
pub mod compare;
pub mod diagram;
pub mod dot;
pub mod figures;
pub mod fold;
pub mod layout;
pub mod memory;
pub mod picture;
pub mod plot;
pub mod png;
#[cfg(test)]
mod sample;
pub mod statistics;
pub mod summary;
pub mod svg;
pub mod table;
pub mod text;
pub mod theme;
pub mod timing;
