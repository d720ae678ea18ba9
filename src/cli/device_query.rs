//! `cortado device-query`: what nets can run on here.

use std::fmt::Write;

use super::print;
use crate::error::Result;
use crate::exec::query::{nvidia_cards, processor};
use crate::exec::{Device, available};
use crate::report::figures::bytes;

pub(super) fn run() -> Result<()> {
    let cpu = processor();
    let mut out = String::from("cpu\n");
    let cores = cpu.cores.map(|n| format!("{n} cores, ")).unwrap_or_default();
    let mut lines = vec![("threads", format!("{cores}{} threads", cpu.threads))];
    lines.extend(cpu.model.map(|model| ("model", model)));
    lines.push(("vectors", cpu.simd.to_owned()));
    if let Some(memory) = cpu.memory {
        let free = cpu.available.map(|n| format!(", {} available", bytes(n))).unwrap_or_default();
        lines.push(("memory", format!("{}{free}", bytes(memory))));
    }
    for (what, value) in lines {
        let _ = writeln!(out, "  {what:<8}  {value}");
    }
    let cards = nvidia_cards();
    for (number, card) in cards.iter().enumerate() {
        let _ = writeln!(out, "cuda:{number}\n  model     {card}");
    }
    match available(Device::Cuda(0)) {
        Err(why) => drop(writeln!(out, "cuda: not in use: {why}")),
        Ok(()) if cards.is_empty() => {
            out.push_str("cuda: no card with a loaded driver was found\n")
        }
        Ok(()) => {}
    }
    print(&out)
}
