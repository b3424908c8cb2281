//! The address of a repository. Parsed once into something that cannot become an argument, a command or another protocol.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::error::SourceError;

/// The address of a repository.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteUrl {
    place: Place,
}

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// In a folder of this machine; absolute.
    Local(PathBuf),
    /// Behind HTTP or HTTPS; without a login.
    Http(Url),
    /// Behind SSH.
    Ssh { user: Option<String>, host: String, port: u16, path: String },
}

impl RemoteUrl {
    /// Reads an address: `https://host/path`, `http://…`, `ssh://[user@]host[:port]/path`, `[user@]host:path`, `file:///path` or
    /// an absolute path. A password in it is refused: it would be kept and shown with the definition.
    ///
    /// # Errors
    /// [`SourceError::BadUrl`]
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let bad = |why: &str| SourceError::BadUrl { url: without_login(text), why: why.to_owned() };
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(bad("it has a line break, another control character, or a space at its end"));
        }
        if text.starts_with('-') {
            return Err(bad("it begins with a dash"));
        }
        let place = match text.split_once("://") {
            Some((scheme, _)) => with_scheme(&scheme.to_ascii_lowercase(), text).map_err(|why| bad(&why))?,
            None if text.starts_with('/') => Place::Local(PathBuf::from(text)),
            // `C:/repositories/app`, which elsewhere is a host of one letter.
            None if cfg!(windows) && Path::new(text).is_absolute() => {
                Place::Local(PathBuf::from(text.replace('\\', "/")))
            }
            None => scp_like(text).map_err(|why| bad(&why))?,
        };
        Ok(Self { place })
    }

    /// A host alone, as somebody would log in there: `[USER@]HOST[:PORT]`.
    pub(super) fn ssh_host(address: &str) -> Result<Self, SourceError> {
        let bad =
            |why: &str| SourceError::BadUrl { url: without_login(&format!("ssh://{address}")), why: why.to_owned() };
        if address.chars().any(|c| c.is_control() || c.is_whitespace() || "/?#".contains(c)) {
            return Err(bad("it is no host: write HOST, HOST:PORT or USER@HOST"));
        }
        let place = with_scheme("ssh", &format!("ssh://{address}/login")).map_err(|why| bad(&why))?;
        Ok(Self { place })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The address that a submodule of the repository here has, which may be relative to this one.
    pub(super) fn submodule(&self, text: &str) -> Result<Self, SourceError> {
        if text.starts_with("./") || text.starts_with("../") {
            return self.relative(text);
        }
        let found = Self::parse(text)?;
        if found.is_local() && !self.is_local() {
            let why = "a submodule of a repository elsewhere cannot be a folder of this machine".to_owned();
            return Err(SourceError::BadUrl { url: text.to_owned(), why });
        }
        Ok(found)
    }

    fn relative(&self, text: &str) -> Result<Self, SourceError> {
        let bad = |why: &str| SourceError::BadUrl { url: text.to_owned(), why: why.to_owned() };
        if text.chars().any(char::is_control) {
            return Err(bad("it has a line break or another control character in it"));
        }
        let own = match &self.place {
            Place::Local(path) => path.to_string_lossy().into_owned(),
            Place::Http(url) => url.path().to_owned(),
            Place::Ssh { path, .. } => path.clone(),
        };
        let mut parts: Vec<&str> = own.trim_end_matches('/').split('/').collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| !last.is_empty()) => drop(parts.pop()),
                ".." => return Err(bad("it leads above the top of its parent's address")),
                name => parts.push(name),
            }
        }
        let path = parts.join("/");
        let place = match &self.place {
            Place::Local(_) => Place::Local(PathBuf::from(path)),
            Place::Http(url) => {
                let mut url = url.clone();
                url.set_path(&path);
                Place::Http(url)
            }
            Place::Ssh { user, host, port, .. } => {
                ssh(user.clone(), host.clone(), *port, &path).map_err(|why| bad(&why))?
            }
        };
        Ok(Self { place })
    }

    /// Whether both are at the same place: host, port and protocol.
    pub(super) fn has_host_of(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Local(_), Place::Local(_)) => true,
            (Place::Http(one), Place::Http(other)) => one.origin() == other.origin(),
            (Place::Ssh { host, port, .. }, Place::Ssh { host: other, port: its, .. }) => (host, port) == (other, its),
            _ => false,
        }
    }

    /// Whether it is a folder of this machine.
    pub fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(_))
    }

    /// The host; `None` for a folder of this machine.
    pub fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Local(_) => None,
            Place::Http(url) => url.host_str(),
            Place::Ssh { host, .. } => Some(host),
        }
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Local(path) => path.display().fmt(f),
            Place::Http(url) => url.fmt(f),
            Place::Ssh { user, host, port, path } => {
                let user = user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
                match (path.starts_with('/'), path.starts_with('~'), port) {
                    // From the login's own folder: only this form can say so.
                    (false, false, _) => write!(f, "{user}{host}:{path}"),
                    (absolute, _, port) => {
                        let port = if *port == 22 { String::new() } else { format!(":{port}") };
                        write!(f, "ssh://{user}{host}{port}{}{path}", if absolute { "" } else { "/" })
                    }
                }
            }
        }
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn with_scheme(scheme: &str, text: &str) -> Result<Place, String> {
    if !["http", "https", "ssh", "file"].contains(&scheme) {
        return Err(format!("{scheme:?} is no protocol that is spoken here; https, http, ssh and file are"));
    }
    let mut url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.password().is_some() {
        return Err("it has a password in it, which everybody would see: use a credential".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a `?` or a `#` in it".to_owned());
    }
    match scheme {
        "file" => {
            let path = url.to_file_path().map_err(|()| "it names no folder of this machine".to_owned())?;
            Ok(Place::Local(path))
        }
        "ssh" => {
            let host = url.host_str().ok_or("it has no host")?.to_owned();
            let user = Some(url.username().to_owned()).filter(|user| !user.is_empty());
            let path = percent_decoded(url.path())?;
            ssh(user, host, url.port().unwrap_or(22), &path)
        }
        _ => {
            if url.host_str().is_none_or(str::is_empty) {
                return Err("it has no host".to_owned());
            }
            if !url.username().is_empty() && url.set_username("").is_err() {
                return Err("its user cannot be taken out".to_owned());
            }
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
            Ok(Place::Http(url))
        }
    }
}

/// `user@host:path`, as people write it for SSH.
fn scp_like(text: &str) -> Result<Place, String> {
    let (login, path) = text.split_once(':').ok_or("it is neither an address nor an absolute path")?;
    if path.starts_with(':') {
        return Err(format!("{login:?} is no protocol that is spoken here; https, http, ssh and file are"));
    }
    if login.contains('/') {
        return Err("it is neither an address nor an absolute path".to_owned());
    }
    let (user, host) = match login.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, login),
    };
    ssh(user, host.to_owned(), 22, path)
}

fn ssh(user: Option<String>, host: String, port: u16, path: &str) -> Result<Place, String> {
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:[]".contains(c))
    };
    if !plain(&host) {
        return Err(format!("{host:?} is no host"));
    }
    if user.as_deref().is_some_and(|user| !plain(user)) {
        return Err("the part before the @ is no user".to_owned());
    }
    // `/~user/` is a home folder.
    let path = if path.starts_with("/~") { &path[1..] } else { path };
    if path.is_empty() || path == "/" || path.starts_with('-') {
        return Err("it has no path".to_owned());
    }
    Ok(Place::Ssh { user, host, port, path: path.to_owned() })
}

fn percent_decoded(path: &str) -> Result<String, String> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    let decoded = decoded.map_err(|_| "its path is not UTF-8".to_owned())?;
    if decoded.chars().any(char::is_control) {
        return Err("its path has a control character in it".to_owned());
    }
    Ok(decoded.into_owned())
}

/// The text without what may be a password, for messages.
fn without_login(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (login, rest))) if !login.contains('/') => format!("{scheme}://…@{rest}"),
        _ => text.to_owned(),
    }
}
