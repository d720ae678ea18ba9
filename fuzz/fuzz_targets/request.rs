#![no_main]

//! Bytes as a connection sends them to the server of `cortado serve`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use cortado::exec::Device;
use cortado::serve::{Options, serve};

static SERVER: LazyLock<SocketAddr> = LazyLock::new(|| {
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().expect("a folder of jobs");
        let address = Ipv4Addr::LOCALHOST.into();
        let folder = folder.path().to_owned();
        let options = Options { folder, address, port: 0, device: Device::Cpu };
        serve(&options, |address| told.send(address).expect("the target waits"))
    });
    address.recv().expect("the server starts")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut stream = TcpStream::connect(*SERVER).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(8))).expect("a limit");
    let mut answer = vec![];
    // The server may close before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let ended = stream.read_to_end(&mut answer);
    if let Err(error) = ended {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the server does not answer");
    }
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "{}", String::from_utf8_lossy(&answer));
});
