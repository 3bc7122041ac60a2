//! A log file that is put aside when it has grown, so that old ones go by themselves.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// The file; clones write to the same one.
#[derive(Debug, Clone)]
pub(super) struct LogFile(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    written: u64,
    most: u64,
    keep: u32,
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
    let written = file.metadata()?.len();
    Ok((file, written))
}

impl LogFile {
    /// Opens or makes it. It is put aside before it has more than `most` bytes; `keep` of those that were
    /// put aside are kept.
    pub(super) fn open(path: &Path, most: u64, keep: u32) -> io::Result<Self> {
        let (file, written) = open(path)?;
        let open = Open { path: path.to_owned(), file, written, most, keep };
        Ok(Self(Arc::new(Mutex::new(open))))
    }
}

impl Open {
    fn aside(&self, n: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        name.into()
    }

    /// Puts it aside as `.1`, what was that as `.2` …; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        if self.keep == 0 {
            self.file.set_len(0)?;
            self.written = 0;
            return Ok(());
        }
        for n in (1..self.keep).rev() {
            // Those that are not there yet.
            let _ = fs::rename(self.aside(n), self.aside(n + 1));
        }
        fs::rename(&self.path, self.aside(1))?;
        (self.file, self.written) = open(&self.path)?;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if open.written > 0 && open.written.saturating_add(length) > open.most {
            // A file that cannot be put aside grows; what is logged matters more.
            let _ = open.rotate();
        }
        let written = open.file.write(line)?;
        open.written += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

impl MakeWriter<'_> for LogFile {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_put_aside_when_it_has_grown_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drover.log");
        let mut log = LogFile::open(&path, 20, 2).unwrap();
        for n in 0..10 {
            log.write_all(format!("line {n}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("drover.log"), "line 8\nline 9\n");
        assert_eq!(read("drover.log.1"), "line 6\nline 7\n");
        assert_eq!(read("drover.log.2"), "line 4\nline 5\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
        // The next run goes on with it.
        let mut log = LogFile::open(&path, 20, 2).unwrap();
        log.write_all(b"more\n").unwrap();
        assert_eq!(read("drover.log"), "line 8\nline 9\nmore\n");
    }
}
