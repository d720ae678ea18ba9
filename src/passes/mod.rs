//! From a definition to a typed net and on to a program: one file a pass.
//!
//! On definitions: `adopt_data` gives those of DIGITS their inputs, `idle_options` complains about what they are told in vain,
//! `locate_files` finds the files they name, `deploy` leaves what serves images alone, `agree_on_params` compares the nets that train
//! and that test. On nets: `select_stage` picks the layers of a stage and wires their blobs, `infer_types` finds shapes,
//! `share_params` the owner of every parameter, `twins` the towers, `loss_weights` what is minimised, `second_gradients` what training
//! on gradients leaves out, and `lower` writes the program. `backward` says what its gradients reach. Lints look at the result.

pub mod adopt_data;
pub mod agree_on_params;
pub mod backward;
pub mod deploy;
pub mod idle_options;
pub mod infer_types;
pub mod lint;
pub mod locate_files;
mod loss_weights;
pub mod lower;
pub mod second_gradients;
pub mod select_stage;
pub mod share_params;
pub mod twins;
