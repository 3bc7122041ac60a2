//! The sockets: made so that nobody else can use them, even for a moment.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Name of the folder in which a socket is made. As long as the usual name of the socket is, so that a
/// path that is not too long for one is not too long for the other.
const WORKSHOP: &str = ".drover.so";

/// Why operators cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The socket cannot be made.
    #[error(
        "cannot make the socket {path}; operators' commands will not reach this drover. Check the \
         folder's owner, or name a shorter path with admin.socket"
    )]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else has that name.
    #[error(
        "{path} is no socket; operators' commands will not reach this drover. Move it away, or name \
         another path with admin.socket"
    )]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// Another process answers there.
    #[error(
        "another process answers at the socket {path}; operators' commands will not reach this \
         drover. Name another path with admin.socket"
    )]
    Taken {
        /// Where.
        path: PathBuf,
    },
    /// The address cannot be used.
    #[error("cannot listen at {address}; name another one with admin.listen")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A socket's file; removed with this, unless another has taken its name.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Socket {
    /// Makes one with mode 0600. What a killed drover left under its name is replaced.
    pub(super) fn make(path: &Path) -> Result<(Self, UnixListener), DoorError> {
        let unusable = |source| DoorError::Socket { path: path.to_owned(), source };
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(DoorError::NoSocket { path: path.to_owned() });
            }
            Ok(_) if UnixStream::connect(path).is_ok() => {
                return Err(DoorError::Taken { path: path.to_owned() });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error)),
        }
        make_private(path).map_err(unusable)
    }
}

/// Between its making and its mode a socket has the mode that the umask leaves; so it is made in a
/// folder that nobody else can enter, and moved.
fn make_private(path: &Path) -> io::Result<(Socket, UnixListener)> {
    let workshop = path.with_file_name(WORKSHOP);
    let bench = workshop.join("s");
    // What a killed run left.
    let _ = fs::remove_file(&bench);
    let _ = fs::remove_dir(&workshop);
    DirBuilder::new().mode(0o700).create(&workshop)?;
    let made = UnixListener::bind(&bench).and_then(|listener| {
        listener.set_nonblocking(true)?;
        fs::set_permissions(&bench, Permissions::from_mode(0o600))?;
        let found = fs::symlink_metadata(&bench)?;
        fs::rename(&bench, path)?;
        let socket = Socket { path: path.to_owned(), device: found.dev(), inode: found.ino() };
        Ok((socket, listener))
    });
    if made.is_err() {
        let _ = fs::remove_file(&bench);
    }
    fs::remove_dir(&workshop)?;
    made
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at an address.
pub(super) fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), DoorError> {
    let listening = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listening().map_err(|source| DoorError::Address { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_can_use_it_and_nothing_is_left_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drover.sock");
        let (socket, _listener) = Socket::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_is_replaced_and_anything_else_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drover.sock");
        // A listener that is dropped leaves its file, as a killed process does.
        drop(UnixListener::bind(&path).unwrap());
        fs::create_dir(dir.path().join(WORKSHOP)).unwrap();
        let (socket, _listener) = Socket::make(&path).unwrap();
        let taken = Socket::make(&path).unwrap_err();
        assert!(matches!(taken, DoorError::Taken { .. }), "{taken}");
        // Another took the name meanwhile: it is not ours to remove.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        drop(socket);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        let refused = Socket::make(&path).unwrap_err();
        assert!(matches!(refused, DoorError::NoSocket { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn a_path_that_is_too_long_is_told_with_the_cure() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("x".repeat(120));
        fs::create_dir(&long).unwrap();
        let problem = Socket::make(&long.join("drover.sock")).unwrap_err().to_string();
        assert!(problem.contains("admin.socket"), "{problem}");
        assert_eq!(fs::read_dir(&long).unwrap().count(), 0, "nothing is left over");
    }
}
