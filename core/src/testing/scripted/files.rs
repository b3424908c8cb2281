//! The files of a scripted workspace: what scripts leave in it, and what goes in and out as tar streams. Plain data.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use tar::{Archive, Builder, EntryType, Header};

use super::world::bad_step;
use crate::executor::ExecutorError;

/// Files, folders and links by their paths, which are relative and go nowhere but down.
#[derive(Clone, Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Node>);

#[derive(Clone, Debug)]
enum Node {
    Folder,
    File { mode: u32, content: Bytes },
    Link(PathBuf),
}

impl Files {
    /// Puts a file over what was there. Folders on the way are made.
    pub(super) fn put(&mut self, path: &str, content: Bytes) -> Result<(), ExecutorError> {
        self.insert(checked(Path::new(path))?, Node::File { mode: 0o644, content });
        Ok(())
    }

    /// Unpacks a tar stream below a folder, which is made when it is missing.
    pub(super) fn unpack(&mut self, folder: &str, tar: &[u8]) -> Result<(), ExecutorError> {
        let folder = checked(Path::new(folder))?;
        let mut taken = Vec::new();
        for entry in Archive::new(tar).entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let path = folder.join(checked(&entry.path().map_err(broken)?)?);
            let mode = entry.header().mode().map_err(broken)?;
            taken.push((
                path,
                match entry.header().entry_type() {
                    EntryType::Directory => Node::Folder,
                    EntryType::Symlink => {
                        Node::Link(entry.link_name().map_err(broken)?.unwrap_or_default().into_owned())
                    }
                    _ => {
                        let mut content = Vec::new();
                        entry.read_to_end(&mut content).map_err(broken)?;
                        Node::File { mode, content: content.into() }
                    }
                },
            ));
        }
        self.insert(folder, Node::Folder);
        taken.into_iter().for_each(|(path, node)| self.insert(path, node));
        Ok(())
    }

    /// A file or folder as a tar stream, in which names begin with the path's last part; `.` is everything.
    pub(super) fn pack(&self, path: &str) -> Result<Bytes, ExecutorError> {
        let path = checked(Path::new(path))?;
        let above = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut found = self.0.iter().filter(|(name, _)| name.starts_with(&path)).peekable();
        if found.peek().is_none() && !path.as_os_str().is_empty() {
            let doing = format!("reading {}", path.display());
            return Err(ExecutorError::Io { doing, source: io::ErrorKind::NotFound.into() });
        }
        let mut builder = Builder::new(Vec::new());
        for (name, node) in found {
            append(&mut builder, name.strip_prefix(&above).unwrap_or(name), node).map_err(broken)?;
        }
        builder.into_inner().map(Bytes::from).map_err(broken)
    }

    fn insert(&mut self, path: PathBuf, node: Node) {
        if path.as_os_str().is_empty() {
            return;
        }
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            self.0.insert(folder.to_path_buf(), Node::Folder);
        }
        self.0.insert(path, node);
    }
}

fn append(builder: &mut Builder<Vec<u8>>, name: &Path, node: &Node) -> io::Result<()> {
    let mut header = Header::new_gnu();
    let (kind, mode, content) = match node {
        Node::Folder => (EntryType::Directory, 0o755, &Bytes::new()),
        Node::File { mode, content } => (EntryType::Regular, *mode, content),
        Node::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            header.set_mode(0o777);
            return builder.append_link(&mut header, name, target);
        }
    };
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, name, &content[..])
}

/// A path that stays in the workspace, without `.` in it; empty for the workspace itself.
fn checked(path: &Path) -> Result<PathBuf, ExecutorError> {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            _ => return Err(bad_step("badPath", &format!("the path {:?} leaves the workspace", path.display()))),
        }
    }
    Ok(clean)
}

fn broken(source: io::Error) -> ExecutorError {
    ExecutorError::Io { doing: "reading a tar stream for the workspace".to_owned(), source }
}
