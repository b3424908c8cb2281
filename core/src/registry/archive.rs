//! Images in archives, as `docker save` writes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

/// Bytes at the beginning of what gzip made.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// A configuration has some kilobytes; this is far more.
const MAX_CONFIG: u64 = 16 << 20;

/// An image out of an archive, ready to be pushed: its layers stand compressed in files.
#[derive(Clone, Debug)]
pub struct ImageArchive {
    pub(super) config: Bytes,
    pub(super) layers: Vec<Layer>,
}

/// A compressed layer in a file.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) path: PathBuf,
    pub(super) digest: String,
    pub(super) size: u64,
}

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is no archive of an image.
    #[error("this is no archive of an image as `docker save` writes it: {why}")]
    NotAnImage {
        /// What is wrong.
        why: String,
    },
    /// The disk failed.
    #[error("the archive of the image cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// What `manifest.json` says about one image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    layers: Vec<String>,
}

/// Where the content of an entry stands in the archive.
#[derive(Clone, Copy)]
struct Span {
    at: u64,
    size: u64,
}

impl ImageArchive {
    /// Reads the only image of an archive, and compresses its layers into a folder, which must be there as long as this is used.
    /// Blocks.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn unpack(archive: &Path, folder: &Path) -> Result<Self, ArchiveError> {
        let mut file = File::open(archive)?;
        let spans = spans(&mut file)?;
        let listed: Vec<Listed> = serde_json::from_slice(&content(&mut file, &spans, "manifest.json")?)
            .map_err(|error| not_an_image(format!("its manifest.json cannot be read: {error}")))?;
        let [image] = &listed[..] else {
            return Err(not_an_image(format!("it has {} images, and one is needed", listed.len())));
        };
        let config = content(&mut file, &spans, &image.config)?.into();
        let mut layers = Vec::with_capacity(image.layers.len());
        for (number, name) in image.layers.iter().enumerate() {
            let layer = open(&mut file, &spans, name)?;
            layers.push(compress(layer, folder.join(format!("layer-{number}")))?);
        }
        Ok(Self { config, layers })
    }
}

fn not_an_image(why: String) -> ArchiveError {
    ArchiveError::NotAnImage { why }
}

/// Where everything is. Engines before version 25 write a layer that occurs twice as a link to the first one.
fn spans(file: &mut File) -> Result<BTreeMap<String, Span>, ArchiveError> {
    let mut spans = BTreeMap::new();
    let mut links = Vec::new();
    let broken = |error: io::Error| not_an_image(error.to_string());
    let mut archive = Archive::new(file);
    for entry in archive.entries_with_seek().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.to_string_lossy().trim_start_matches("./").to_owned();
        match entry.header().entry_type() {
            EntryType::Regular => {
                spans.insert(name, Span { at: entry.raw_file_position(), size: entry.size() });
            }
            EntryType::Symlink | EntryType::Link => {
                let target = entry.link_name().map_err(broken)?.unwrap_or_default().to_string_lossy().into_owned();
                links.push((name, target));
            }
            _ => {}
        }
    }
    for (name, target) in links {
        // Such as `../ID/layer.tar`; nothing but entries of the archive can be meant.
        if let Some(span) = spans.get(target.trim_start_matches("../")) {
            spans.insert(name, *span);
        }
    }
    Ok(spans)
}

fn open<'a>(
    file: &'a mut File,
    spans: &BTreeMap<String, Span>,
    name: &str,
) -> Result<io::Take<&'a mut File>, ArchiveError> {
    let span = spans.get(name).ok_or_else(|| not_an_image(format!("it has no {name:?}")))?;
    file.seek(SeekFrom::Start(span.at))?;
    Ok(file.take(span.size))
}

fn content(file: &mut File, spans: &BTreeMap<String, Span>, name: &str) -> Result<Vec<u8>, ArchiveError> {
    let mut content = Vec::new();
    let mut reader = open(file, spans, name)?;
    if reader.limit() > MAX_CONFIG {
        return Err(not_an_image(format!("its {name:?} has {} bytes", reader.limit())));
    }
    reader.read_to_end(&mut content)?;
    Ok(content)
}

/// A layer in a file, compressed unless it is.
fn compress(mut layer: io::Take<&mut File>, path: PathBuf) -> Result<Layer, ArchiveError> {
    let mut begin = [0; 2];
    let length = layer.limit();
    let compressed = length >= 2 && {
        layer.read_exact(&mut begin)?;
        begin == GZIP
    };
    let mut read = begin[..if length >= 2 { 2 } else { 0 }].chain(layer);
    let mut written = Hashed { file: File::create(&path)?, hash: Sha256::new(), size: 0 };
    if compressed {
        io::copy(&mut read, &mut written)?;
    } else {
        let mut encoder = GzEncoder::new(&mut written, Compression::fast());
        io::copy(&mut read, &mut encoder)?;
        encoder.finish()?;
    }
    written.file.flush()?;
    Ok(Layer { path, digest: digest_of(written.hash), size: written.size })
}

/// A file whose content is hashed on its way.
struct Hashed {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The digest of bytes, as registries write it.
pub(super) fn digest(bytes: &[u8]) -> String {
    digest_of(Sha256::new().chain_update(bytes))
}

fn digest_of(hash: Sha256) -> String {
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
