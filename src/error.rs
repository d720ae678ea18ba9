//! Failures that are not about the text of a definition: disks, databases, weight files, devices.
//!
//! Complaints about a definition are [`Diagnostic`](crate::diag::Diagnostic)s; the two are never mixed.

use std::path::{Path, PathBuf};

/// The result of everything that touches the world outside.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the file and the place in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was attempted: `read`, `write`, `create`, `rename`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file exists but does not hold what it should.
    #[error("{}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and where: a key, a byte offset, a layer.
        message: String,
    },
    /// A definition has errors; they are in the diagnostics and not repeated here.
    #[error("the definition has errors")]
    Definition,
    /// Two things that were compared differ; how was shown.
    #[error("the definitions differ")]
    Differs,
    /// A request that cannot be carried out, with the reason and what to do instead.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// An [`Error::Io`]; for `map_err(|e| Error::io("read", path, e))`.
    pub fn io(doing: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::Io { doing, path: path.as_ref().to_owned(), source }
    }

    /// An [`Error::Format`].
    pub fn format(path: impl AsRef<Path>, message: impl Into<String>) -> Self {
        Error::Format { path: path.as_ref().to_owned(), message: message.into() }
    }

    /// An [`Error::Format`] about a line of a text, counted from 1.
    pub fn at_line(path: impl AsRef<Path>, line: usize, why: impl std::fmt::Display) -> Self {
        Error::format(path, format!("line {line}: {why}"))
    }

    /// An [`Error::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Error::Refused(message.into())
    }
}
