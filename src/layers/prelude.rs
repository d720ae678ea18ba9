//! The words of a layer's file: those it describes itself with, those it is lowered to, and those of an operation of its own.

pub(super) use crate::diag::Reported;
pub(super) use crate::params;
pub(super) use crate::program::device::{Call, DeviceForm, Operand, Pass};
pub(super) use crate::program::expr::{arg, constant, select};
pub(super) use crate::program::native::{Operation, Saved, View, ViewMut};
pub(super) use crate::program::{Builder, ValueId};
pub(super) use crate::real::Real;
pub(super) use crate::spec::{
    Args, Arity, Category, Filler, InPlace, Infer, LabelRange, LayerOps, LayerSpec, Lower,
    ParamDecl, Phase, Signature, caffe, torch,
};
pub(super) use crate::ty::Shape;
