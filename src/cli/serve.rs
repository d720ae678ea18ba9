//! `cortado serve`: the verbs in a browser.

use std::net::IpAddr;
use std::path::PathBuf;

use super::say;
use crate::error::Result;
use crate::exec::Device;
use crate::serve::{Options, serve};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder of jobs: each folder in it that holds a run.yaml is one. It is made if it is not there
    #[arg(default_value = "runs")]
    folder: PathBuf,
    /// The port; 0 takes one that is free
    #[arg(short, long, default_value_t = 5000)]
    port: u16,
    /// The address to listen on. Whoever reaches it can start trainings and read what they leave; 127.0.0.1 is reached from
    /// this machine only
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Where nets are trained and run: cpu or cuda:0
    #[arg(long, default_value = "cpu")]
    device: Device,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { folder, port, address, device } = arguments;
    let options =
        Options { folder: folder.clone(), address: *address, port: *port, device: *device };
    serve(&options, |address| {
        let _ = say(format_args!("{} at http://{address}/ until Ctrl-C", folder.display()));
    })
}
