//! Shows results: tables, diagrams, plots, JSON.

pub mod diagram;
pub mod dot;
pub mod fold;
pub mod layout;
pub mod plot;
pub mod png;
#[cfg(test)]
mod sample;
pub mod svg;
pub mod text;
pub mod theme;
