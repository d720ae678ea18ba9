//! Finds out what this computer can run nets on: processor, memory, graphics cards that the system knows of.

use std::path::Path;

/// What is known about the processor and the memory; what the system does not tell is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// The maker's name of it.
    pub model: Option<String>,
    /// Threads that run at the same time: what a session takes if not told otherwise.
    pub threads: usize,
    /// Cores, of which each may run several threads.
    pub cores: Option<usize>,
    /// The vector instructions that the kernels chose.
    pub simd: &'static str,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of it that are free to use.
    pub available: Option<u64>,
}

/// What this process holds of the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Bytes of its own, without the program itself and mapped files, which the system takes back when it needs them.
    pub own: u64,
    /// Bytes of the program itself and of mapped files.
    pub files: u64,
}

/// Asks how much memory this process holds; none where the system does not tell.
pub fn held() -> Option<Held> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(Held { own: kib(&status, "RssAnon")?, files: kib(&status, "RssFile")? })
}

/// The bytes that a line `key:   16384 kB` tells.
fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib: u64 = line?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Asks about the processor.
pub fn processor() -> Processor {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    Processor {
        threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
        simd: crate::real::simd(),
        ..described(&read("/proc/cpuinfo"), &read("/proc/meminfo"))
    }
}

/// What Linux's descriptions say.
fn described(cpuinfo: &str, meminfo: &str) -> Processor {
    let fields = |key: &'static str| {
        let lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        lines.filter(move |(name, _)| name.trim() == key).map(|(_, value)| value.trim())
    };
    let mut cores: Vec<(&str, &str)> = fields("physical id").zip(fields("core id")).collect();
    cores.sort_unstable();
    cores.dedup();
    Processor {
        model: fields("model name").next().map(str::to_owned),
        cores: Some(cores.len()).filter(|&n| 0 < n),
        memory: kib(meminfo, "MemTotal"),
        available: kib(meminfo, "MemAvailable"),
        ..Processor::default()
    }
}

/// The models of NVIDIA's cards for which a driver is loaded.
pub fn nvidia_cards() -> Vec<String> {
    cards_in(Path::new("/proc/driver/nvidia/gpus"))
}

fn cards_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let model = |folder: &std::path::PathBuf| {
        let text = std::fs::read_to_string(folder.join("information")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Model:"))?;
        Some(line.trim().to_owned())
    };
    folders.iter().filter_map(model).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_descriptions_are_understood() {
        let one = |id, core| {
            format!("model name\t: Quick 9\nphysical id\t: {id}\ncore id\t\t: {core}\n\n")
        };
        let cpuinfo = [one(0, 0), one(0, 1), one(0, 0), one(0, 1)].concat();
        let meminfo = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\n";
        let found = described(&cpuinfo, meminfo);
        assert_eq!(found.model.as_deref(), Some("Quick 9"));
        assert_eq!(found.cores, Some(2));
        assert_eq!((found.memory, found.available), (Some(16 << 20), Some(8 << 20)));
        assert_eq!(described("", "MemTotal: many kB"), Processor::default());
    }

    #[test]
    fn cards_are_those_with_a_description() {
        let folder = tempfile::tempdir().unwrap();
        for (card, text) in
            [("b", "Model: \t Second\n"), ("a", "Model: First\nIRQ: 4\n"), ("c", "")]
        {
            std::fs::create_dir(folder.path().join(card)).unwrap();
            std::fs::write(folder.path().join(card).join("information"), text).unwrap();
        }
        assert_eq!(cards_in(folder.path()), ["First", "Second"]);
        assert!(cards_in(&folder.path().join("none")).is_empty());
    }
}
