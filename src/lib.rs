//! cortado reads network definitions of Caffe, Torch7 and DIGITS-TensorFlow, checks them, draws them,
//! and trains and runs them.
//!
//! ```text
//!  text ── front ──▶ ir::Definition ── passes ──▶ ir::TypedNet ── lowering ──▶ program::Program
//!       ── autodiff ──▶ plan::Plan ── exec::Session ──▶ outputs, losses, gradients
//! ```
//!
//! The program `cortado` is made of the functions of [`job`]; [`pipeline`] has the steps before, [`train::machine`] a net
//! with its memory, and [`train::Trainer`] one in training. `examples/features.rs` reads a net and an image, and
//! `examples/train.rs` trains a net on numbers of its own. In short:
//!
//! ```
//! use std::path::Path;
//!
//! use cortado::exec::SessionOptions;
//! use cortado::report::{picture::picture, svg::{self, render_svg}};
//! use cortado::train::machine::{Machine, Purpose};
//! use cortado::pipeline;
//!
//! # fn main() -> cortado::Result<()> {
//! let text = r#"
//!     layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
//!     layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param {
//!         num_output: 4 weight_filler { type: "constant" value: 0.5 } bias_filler { type: "constant" value: 1 } } }
//!     layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
//! "#;
//! let options = pipeline::Options::default();
//! let mut checked = pipeline::check(Path::new("net.prototxt"), text.to_owned(), &options);
//! assert!(!checked.diagnostics.has_errors());
//!
//! let typed = checked.stages.remove(0);
//! let diagram = picture(&typed, &checked.diagnostics, &checked.sources);
//! assert!(render_svg(&diagram, &svg::Options::default()).contains("InnerProduct"));
//!
//! let env = pipeline::environment(&options, &pipeline::record_shape);
//! let mut machine = Machine::new(typed, &env, Purpose::FORWARD, &SessionOptions::default())?;
//! machine.fill(1);
//! machine.set("data", &[1.0, 2.0, 3.0, -4.0, -5.0, -6.0])?;
//! machine.run()?;
//! assert_eq!(machine.output("ip"), Some(vec![4.0, 4.0, 4.0, 4.0, 0.0, 0.0, 0.0, 0.0]));
//! # Ok(())
//! # }
//! ```

pub mod cli;
pub mod data;
pub mod diag;
pub mod error;
pub mod exec;
pub mod file;
pub mod front;
pub mod ir;
pub mod job;
pub mod layers;
mod notebook;
pub mod one_pass;
pub mod passes;
pub mod pipeline;
pub mod plan;
pub mod program;
pub mod random;
pub mod real;
pub mod report;
pub mod serve;
pub mod source;
pub mod spec;
pub mod train;
pub mod ty;
pub mod vecmath;
pub mod weights;
pub mod window;

pub use error::{Error, Result};
